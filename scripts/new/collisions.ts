// What a new resource, or new fields of one, would collide with: files, tables and enums, routes, variables, names in the API list.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describedRoutes } from '../described-routes.ts'
import { type Access, mountsOf } from './access.ts'
import type { Names } from './names.ts'
import { constraintOf } from './rule-lines.ts'
import { findTakenName } from './template.ts'
import { fillWish, type Wish } from './wish.ts'

/** Postgres cuts longer names off, without an error. */
const MAX_IDENTIFIER = 63

/** Its name is unique in all the schema. */
const INDEX = /(?<=\b(?:index|unique|uniqueIndex|exclusion)\(\s*')[^']+/g

/**
 * @param isThere only its fields are new
 * @throws Error that names every collision and where it is
 */
export function refuseCollisions(root: string, wish: Wish, { isThere = false } = {}): void {
  const { names, fields, access, rules } = wish
  const { table, snake } = names
  const found: string[] = []
  const own = isThere ? `src/${names.path}/table.ts` : undefined
  const sources = [...new Bun.Glob('src/**/*.{ts,tsx}').scanSync(root)]
    .toSorted()
    .filter((file) => file !== own)
    .map((file) => ({ file, text: readFileSync(join(root, file), 'utf8') }))
  const find = (pattern: RegExp, only = /./) =>
    sources.find(({ file, text }) => only.test(file) && pattern.test(text))?.file

  if (!isThere) found.push(...collisionsOf(root, names, access, find))
  const enums = fields.filter(({ values }) => values.length > 0).map(({ name }) => `${snake}_${name}`)
  for (const name of [table, ...enums]) {
    const file = find(new RegExp(`\\bpg(Table|Enum|View)\\(\\s*['"]${name}['"]`))
    if (file !== undefined) found.push(`${file} has a table or type "${name}"`)
  }
  if (enums.includes(table)) found.push(`the table and an enum would both be called "${table}"`)
  const parent = access.parent?.names
  if (fields.some(({ name }) => name === parent?.snake))
    found.push(`"${parent?.snake}" is the field of what it stands under`)
  if (access.softDelete && fields.some(({ name }) => name === 'deleted'))
    found.push('"deleted" is the column of --soft-delete')
  const identifiers = [
    `${table}_creator_users_id_fk`,
    ...(parent ? [`${table}_${parent.snake}_${parent.table}_id_fk`] : []),
    ...fields.map(({ name }) => `${table}_${name}_of_creator`),
    ...fields.flatMap(({ name, refersTo }) =>
      refersTo ? `${table}_${name}_${refersTo.names.table}_id_fk` : [],
    ),
    ...rules.map((rule) => constraintOf(rule, names)),
    ...enums,
  ]
  const long = identifiers.find((name) => name.length > MAX_IDENTIFIER)
  if (long !== undefined)
    found.push(`"${long}" is longer than the ${MAX_IDENTIFIER} characters that Postgres allows`)
  if (found.length === 0) {
    const made = fillWish(wish, [])[`src/${names.path}/table.ts`] ?? ''
    const indexes = [made, ...sources.map(({ text }) => text)].flatMap((text) => text.match(INDEX) ?? [])
    const twice = indexes.find((index, i) => indexes.indexOf(index) < i)
    if (twice !== undefined) found.push(`there would be a second index "${twice}"`)
  }

  if (found.length > 0)
    throw new Error(
      `"${names.one}" collides:\n  ${found.join('\n  ')}\nChoose another word. A resource that is there already is changed by ` +
        'hand: its table.ts, then npm run generate -- --name <what>',
    )
}

/** Of the resource itself. */
function collisionsOf(
  root: string,
  names: Names,
  access: Access,
  find: (pattern: RegExp, only?: RegExp) => string | undefined,
): string[] {
  const { many, type, path } = names
  const found: string[] = []
  for (const file of [`src/${path}`, `src/${path}.ts`, `src/${path}.tsx`, `test/${path}.test.ts`]) {
    if (existsSync(join(root, file))) found.push(`${file} is there already`)
  }
  const app = find(new RegExp(`\\b${many}\\b`), /^src\/app\.ts$/)
  if (app !== undefined) found.push(`${app} has something called "${many}"`)
  const taken = findTakenName(names)
  if (taken !== undefined) found.push(`"${taken}" is a name that the generated code uses itself`)
  const answer = find(new RegExp(`\\bid: '${type}'`))
  if (answer !== undefined) found.push(`${answer} describes an answer called "${type}"`)
  const known = describedRoutes({})
  for (const { route: list } of mountsOf(names, access)) {
    const route = known.find((each) => `${each.path}/`.startsWith(`${list}/`))
    if (route !== undefined) found.push(`there is a route ${route.path}`)
  }
  return found
}
