// What a new resource would collide with: files, tables and enums, routes, variables, names in the API list.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describedRoutes } from '../described-routes.ts'
import { type Access, routeOf } from './access.ts'
import type { Field } from './fields.ts'
import type { Names } from './names.ts'
import { fillTemplate, findTakenName } from './template.ts'

/** Postgres cuts longer names off, without an error. */
const MAX_IDENTIFIER = 63

/** Its name is unique in all the schema. */
const INDEX = /(?<=\b(?:index|unique|uniqueIndex)\(\s*')[^']+/g

/** @throws Error that names every collision and where it is */
export function refuseCollisions(root: string, names: Names, fields: Field[], access: Access): void {
  const { many, type, path, table, snake } = names
  const found: string[] = []
  const sources = [...new Bun.Glob('src/**/*.{ts,tsx}').scanSync(root)].toSorted().map((file) => ({
    file,
    text: readFileSync(join(root, file), 'utf8'),
  }))
  const find = (pattern: RegExp, only = /./) =>
    sources.find(({ file, text }) => only.test(file) && pattern.test(text))?.file

  for (const file of [`src/${path}`, `src/${path}.ts`, `src/${path}.tsx`, `test/${path}.test.ts`]) {
    if (existsSync(join(root, file))) found.push(`${file} is there already`)
  }
  const enums = fields.filter(({ values }) => values.length > 0).map(({ name }) => `${snake}_${name}`)
  for (const name of [table, ...enums]) {
    const file = find(new RegExp(`\\bpg(Table|Enum|View)\\(\\s*['"]${name}['"]`))
    if (file !== undefined) found.push(`${file} has a table or type "${name}"`)
  }
  if (enums.includes(table)) found.push(`the table and an enum would both be called "${table}"`)
  const app = find(new RegExp(`\\b${many}\\b`), /^src\/app\.ts$/)
  if (app !== undefined) found.push(`${app} has something called "${many}"`)
  const taken = findTakenName(names)
  if (taken !== undefined) found.push(`"${taken}" is a name that the generated code uses itself`)
  const answer = find(new RegExp(`\\bid: '${type}'`))
  if (answer !== undefined) found.push(`${answer} describes an answer called "${type}"`)
  const own = routeOf(names, access)
  const route = describedRoutes({}).find(({ path: known }) => `${known}/`.startsWith(`${own}/`))
  if (route !== undefined) found.push(`there is a route ${route.path}`)
  const parent = access.parent?.names
  if (fields.some(({ name }) => name === parent?.snake))
    found.push(`"${parent?.snake}" is the field of what it stands under`)
  if (access.softDelete && fields.some(({ name }) => name === 'deleted'))
    found.push('"deleted" is the column of --soft-delete')
  const identifiers = [
    `${table}_creator_users_id_fk`,
    ...(parent ? [`${table}_${parent.snake}_${parent.table}_id_fk`] : []),
    ...fields.map(({ name }) => `${table}_${name}_of_creator`),
    ...enums,
  ]
  const long = identifiers.find((name) => name.length > MAX_IDENTIFIER)
  if (long !== undefined)
    found.push(`"${long}" is longer than the ${MAX_IDENTIFIER} characters that Postgres allows`)
  if (found.length === 0) {
    const made = fillTemplate(names, fields, access)[`src/${path}/table.ts`] ?? ''
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
