// The fields of a new resource, from what is typed: `year:int?`
import { join } from 'node:path'
import { hint } from '../../src/kit/types/nearest.ts'
import { BRACKETS, type Refer } from './brackets.ts'
import { faultOf, MODIFIERS } from './modifiers.ts'
import { isFieldName, MAX_LENGTH } from './names.ts'
import type { Field, Reference } from './shape.ts'
import { findSlice } from './slices.ts'
import { hintOfType, type Kind, TYPES } from './types.ts'

export type { Field, Reference }

const IN_BRACKETS = String.raw`(?:\(([^)]*)\))?`
const MODIFIER = new RegExp(String.raw`:([a-z]+)${IN_BRACKETS}`, 'g')
const FIELD = new RegExp(
  String.raw`^([^:]*):([a-z]+(?:\[\])?)${IN_BRACKETS}(\?)?((?::[a-z]+(?:\([^)]*\))?)*)$`,
)
const OWN_COLUMNS = ['id', 'creator', 'created', 'modified', 'version', 'constructor'] // of every object

const ofProject: Refer = (singular, asked) => findSlice(join(import.meta.dir, '../..'), singular, asked)

/**
 * @param resource `book_review`, for messages
 * @param refer finds what a field refers to; by default among the slices of this project
 * @throws Error that names the field, what is wrong with it and what is allowed
 */
export function parseFields(specs: string[], resource: string, refer = ofProject): Field[] {
  if (specs.length === 0)
    throw new Error(`"${resource}" has no fields: name at least one, such as title:string`)
  const other: Refer = (singular, asked) => {
    if (singular.replaceAll('-', '_') !== resource) return refer(singular, asked)
    throw new Error(`"${asked}": a resource refers to others, and to itself only by hand`)
  }
  const fields = specs.map((spec) => parseField(spec, other))
  for (const [i, { name }] of fields.entries()) {
    if (fields.findIndex((field) => field.name === name) < i)
      throw new Error(`The field "${name}" stands twice`)
  }
  return fields
}

function parseField(spec: string, refer: Refer): Field {
  const [, name, type, inBrackets, optional, modifiers = ''] = FIELD.exec(spec) ?? []
  if (name === undefined || type === undefined) {
    throw new Error(`"${spec}" is no field: it is name:type or name:type?, and :index or :unique behind that`)
  }
  if (!isFieldName(name)) {
    throw new Error(
      `"${name}" is no name of a field: it takes lowercase letters, digits and single underscores, ` +
        `a letter first, at most ${MAX_LENGTH} characters, such as first_name`,
    )
  }
  if (OWN_COLUMNS.includes(name))
    throw new Error(`The field "${name}" is there already: every resource has it`)
  const kind = Object.hasOwn(TYPES, type) ? TYPES[type] : undefined
  if (kind === undefined) throw new Error(`"${spec}": there is no type "${type}"${hintOfType(type)}`)
  const read = BRACKETS[type]
  if (read === undefined && inBrackets !== undefined)
    throw new Error(`The type ${type} of "${name}" takes no brackets`)
  const field: Field = {
    name,
    type,
    optional: optional !== undefined,
    unique: undefined,
    indexed: false,
    sorted: false,
    searched: kind.searched === true,
    args: inBrackets?.split(/[,|]/).map((arg) => arg.trim()) ?? [],
    values: [],
    min: undefined,
    max: undefined,
    fallback: undefined,
    refersTo: undefined,
  }
  read?.(field, refer)
  modify(field, kind, field.refersTo ? `:index${modifiers}` : modifiers, spec)
  return field
}

function modify(field: Field, kind: Kind, modifiers: string, spec: string): void {
  const given = new Set<string>()
  for (const [, word = '', argument] of modifiers.matchAll(MODIFIER)) {
    // Of what refers to something :index goes without saying.
    if (given.has(word) && word !== 'index') throw new Error(`"${spec}": :${word} stands twice`)
    given.add(word)
    const set = Object.hasOwn(MODIFIERS, word) ? MODIFIERS[word] : undefined
    if (set === undefined)
      throw new Error(`"${spec}": there is no :${word}${hint(word, Object.keys(MODIFIERS))}`)
    const fault = set(field, kind, argument)
    if (fault !== undefined) throw new Error(`"${spec}": :${word} ${fault}`)
  }
  const fault = faultOf(field, kind)
  if (fault !== undefined) throw new Error(`"${spec}": ${fault}`)
}
