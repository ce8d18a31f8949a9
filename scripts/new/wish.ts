// Reads which resource is wished for, and keeps the words in its table.ts: a field that comes later is merged by them.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { FormatConfig } from 'oxfmt'
import { attempt } from '../../src/kit/types/attempt.ts'
import { readArguments } from '../command.ts'
import { type Access, ACCESS_OPTIONS, readAccess } from './access.ts'
import { type Field, parseFields } from './fields.ts'
import { type Names, parseNames } from './names.ts'
import { parseRules, RULE, type Rule } from './rules.ts'
import { fillTemplate } from './template.ts'

export interface Wish {
  names: Names
  fields: Field[]
  rules: Rule[]
  access: Access
}

/**
 * @param args as they were typed: `['booking', 'note:text?', '--shared']`
 * @throws Error that says which of them is wrong, and what is allowed
 */
export function readWish(root: string, args: string[]): Wish {
  const { values, positionals } = readArguments(
    { plural: { type: 'string' }, ...ACCESS_OPTIONS },
    Infinity,
    args,
  )
  const [name, ...specs] = positionals
  if (name === undefined) throw new Error('Which resource?')
  const names = parseNames(name, values.plural)
  const isRule = (spec: string) => RULE.test(spec)
  const fields = parseFields(
    specs.filter((spec) => !isRule(spec)),
    names.snake,
  )
  return { names, fields, rules: parseRules(specs.filter(isRule), fields), access: readAccess(root, values) }
}

const COMMAND = '// npm run new -- '
const LINE = new RegExp(`^${COMMAND}(.+)$`, 'm')

/** The text of a table.ts with the line below its opening sentence that says by which words it was made. */
export const withLine = (table: string, args: string[]): string =>
  table.replace('\n', () => `\n${COMMAND}${args.map(quoted).join(' ')}\n`)

/** The words of that line. Undefined if the file has none. */
export function readLine(table: string): string[] | undefined {
  const [, words = ''] = LINE.exec(table) ?? []
  const found = words.match(/(?:'[^']*'|\\.|[^\s'\\])+/g) ?? undefined
  return found?.map((word) => word.replaceAll(/'([^']*)'|\\(.)/g, '$1$2'))
}

/** Its files by path, not formatted yet. @param args by which it was wished for */
export function fillWish({ names, fields, rules, access }: Wish, args: string[]): Record<string, string> {
  const files = fillTemplate(names, fields, access, rules)
  const table = `src/${names.path}/table.ts`
  return { ...files, [table]: withLine(files[table] ?? '', args) }
}

/**
 * As `npm run format` has it, in this process: a tool for each file takes ten times as long. @param path decides in what way;
 * nothing is written there
 */
export async function formatFile(root: string, path: string, text: string): Promise<string> {
  const { format } = await import('oxfmt')
  const config = attempt(() => readFileSync(join(root, '.oxfmtrc.json'), 'utf8')) ?? '{}'
  const { code, errors } = await format(path, text, Bun.JSONC.parse(config) as FormatConfig)
  if (errors.length > 0) throw new Error(`${path}: ${errors.map(({ message }) => message).join('; ')}`)
  return code
}

/** As a shell takes it. */
const quoted = (word: string) =>
  /^[\w:.,=@%+/-]+$/.test(word) ? word : `'${word.replaceAll(/\s+/g, ' ').replaceAll("'", String.raw`'\''`)}'`
