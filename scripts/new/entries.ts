// Makes the lines of a resource's fields from those of the template, which has one of each type in each list.
import { entryOf, REFERRED } from './entry.ts'
import { differIn, takesLength } from './examples.ts'
import type { Field } from './fields.ts'
import { rename } from './names.ts'
import { TYPES } from './types.ts'

/** The word of a type in the template: `$strings` is a string[]. */
const wordOf = (type: string) => type.replace('[]', 's')

/**
 * The template's fields have the names of their types, `$string`. A line that names one, with the comments above it and what is
 * indented below it, stands for each field of the type; what no type has for itself in a list is made from the list's first.
 * `$optional` and `$default` show what these make of a field.
 */
export const FIELD = `\\$(${Object.keys(TYPES).map(wordOf).join('|')}|optional|default)(?![a-zA-Z])`
const ENTRY = `(?:^ *//.*\\n)*^( *)(?=\\S).*${FIELD}.*\\n(?:\\1 .*\\n)*(?:\\1\\).*\\n)?`
/** A list of nothing but names, perhaps behind others. */
const NAMES = new RegExp(`\\[\\s*((?:'[a-z_]+',\\s*)*)(?:'${FIELD}',?\\s*)+\\]`, 'g')
/** The names of those that have to be given to a factory. */
const GIVEN = /, ('\$\w+'( \| )?)+(?=>)/g
/** Of what is referred to. */
const IMPORT = /^import .*\/toy-makers\/.*\n/gm

/** The words of regions that are about fields: for the lines there have to be such fields, and the lists there are of these. */
export const WORDS: Record<string, (field: Field, all: Field[]) => boolean> = {
  account: ({ type }) => type === 'account',
  all: ({ unique }) => unique === 'all',
  bounded: ({ min, max }) => min !== undefined || max !== undefined,
  cascading: ({ refersTo }) => refersTo?.onDelete === 'cascade',
  compared: ({ indexed, type }) => indexed && type !== 'string[]',
  defaulted: ({ fallback }) => fallback !== undefined,
  emptied: ({ refersTo }) => refersTo?.onDelete === 'set null',
  enum: ({ values }) => values.length > 0,
  filed: ({ type }) => type === 'file',
  found: (field) => field.searched && takesLength('100% Ångström (1868)'.length, field),
  indexed: ({ indexed }) => indexed,
  kept: ({ refersTo }) => refersTo?.onDelete === 'restrict',
  least: ({ min }) => min !== undefined,
  listed: ({ indexed, type }) => indexed && type === 'string[]',
  most: ({ max }) => max !== undefined,
  needing: ({ refersTo, optional }) => refersTo !== undefined && !optional,
  optional: ({ optional, fallback }) => optional && fallback === undefined,
  own: ({ unique }) => unique === 'own',
  plain: ({ refersTo }) => refersTo === undefined,
  ref: ({ type }) => type === 'ref',
  referring: ({ refersTo }) => refersTo !== undefined,
  required: ({ optional }) => !optional,
  scoped: ({ type }) => type === 'ref' || type === 'file',
  searched: ({ searched }) => searched,
  secret: ({ refersTo }) => refersTo?.seenBy === 'owner',
  sorted: ({ sorted }) => sorted,
  spread: (field, all) => field.sorted && differIn(3, field, all),
  told: (field, all) => field.indexed && field.refersTo === undefined && differIn(2, field, all),
  unique: ({ unique }) => unique !== undefined,
}

/**
 * Makes of each list of the template's fields one of these fields.
 * @param all those of the resource, those of one type in the order of their values
 */
export function repeat(text: string, fields: Field[], all: Field[]): string {
  const given = fields.filter((field) => WORDS.needing?.(field, all)).map(({ name }) => `'${name}'`)
  const targets = all.flatMap(({ type, refersTo }) => (type === 'ref' && refersTo ? refersTo.names : []))
  return text
    .replaceAll(
      NAMES,
      (_, others: string) => `[${others}${fields.map(({ name }) => `'${name}'`).join(', ')}]`,
    )
    .replaceAll(GIVEN, given.length > 0 ? `, ${given.join(' | ')}` : '')
    .replaceAll(new RegExp(`(?:${ENTRY})+`, 'gm'), (list) => {
      const entries = list.match(new RegExp(ENTRY, 'gm')) ?? []
      const find = (word: string) => entries.find((entry) => new RegExp(FIELD).exec(entry)?.[1] === word)
      return fields
        .map((field) => {
          const entry = find(wordOf(field.type)) ?? entries[0] ?? ''
          const shown = { optional: find('optional') ?? '', fallback: find('default') ?? '' }
          return entryOf(entry, field, shown, all)
        })
        .join('')
    })
    .replaceAll(IMPORT, (line) =>
      targets
        .filter(({ path }, i) => targets.findIndex((other) => other.path === path) === i)
        .map((names) => rename(line, [REFERRED], [names]))
        .join(''),
    )
}
