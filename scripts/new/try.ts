// Writes down how a new resource is tried at once: curl lines for a shell, beside an `npm start` that runs.
import { join } from 'node:path'
import { roles, type Role } from '../../src/account/roles.ts'
import type { Config } from '../../src/config.ts'
import { localUrl } from '../local-url.ts'
import { describedRoutes } from '../described-routes.ts'
import { wordsOf } from './access.ts'
import type { Field } from './fields.ts'
import type { Names } from './names.ts'
import { ranksOf } from './rules.ts'
import { FACTORIES } from './template.ts'
import type { Wish } from './wish.ts'

type Body = Record<string, unknown>
type Factory = () => Body

const PASSWORD = 'Violet7Kettle'
const CURL = "curl -sSw '\\n' --fail-with-body"
const JSON_BODY = '-H "$json" -d'

/**
 * The lines, to be pasted in the folder of the project: an account that may do it, then a row is made, found, changed, deleted.
 * @param root of a checkout that has the resource's factory
 */
export async function tryLines(
  root: string,
  { names, fields, rules, access }: Wish,
  config: Config,
): Promise<string[]> {
  const factories = (await import(join(root, FACTORIES))) as Record<string, Factory | undefined>
  const make = ({ type }: Names) => factories[`new${type}`]?.() ?? {}
  const [body, other] = [make(names), make(names)]
  const ruled = ranksOf(rules)
  const free = Object.keys(body).find((name) => !ruled.has(name))
  const changed = free === undefined ? other : { [free]: other[free] }
  const parent = access.parent?.names
  const parents = parent && `/${parent.path}`
  const { public: isPublic, open } = wordsOf(access)
  const list = parents ? `$api${parents}/$parent/${names.path}` : `$api/${names.path}`
  const remove = `${CURL} -b $jar ${list}/$id -X DELETE`
  return [
    `api=${localUrl(config)}/api jar=$(mktemp) json='Content-Type: application/json' me=try-$(date +%s)-$$@example.com`,
    account([access.writer, ...(parents ? rolesToMake(`/api${parents}`) : [])], config),
    ...(parent ? [create(`$api${parents}`, make(parent), 'parent')] : []),
    create(list, body, 'id'),
    `${CURL} ${isPublic && open ? '' : '-b $jar '}"${list}?${filterOf(fields, body)}"`,
    `${CURL} -b $jar ${list}/$id -X PUT ${JSON_BODY} ${quoted(changed)}`,
    ...(access.softDelete ? [remove, `${CURL} -b $jar ${list}/$id/restore -X POST`] : []),
    access.bulk ? `${CURL} -b $jar ${list} -X PATCH ${JSON_BODY} '{"delete":["'$id'"]}'` : remove,
  ]
}

/** Signs up where that gives the roles that it takes; else the account is made by command, and logs in. */
function account(needed: Role[], { signup, signupRole, emailVerification }: Config): string {
  const role = needed.reduce((a, b) => (roles.atLeast(a, b) ? a : b))
  const login = `\\"email\\":\\"$me\\",\\"password\\":\\"${PASSWORD}\\"`
  const enter = (path: string, rest = '') => `${CURL} -c $jar $api/${path} ${JSON_BODY} "{${login}${rest}}"`
  if (signup === 'open' && emailVerification !== 'required' && roles.atLeast(signupRole, role))
    return enter('signup', ',\\"fname\\":\\"Ann\\",\\"lname\\":\\"Lee\\"')
  const command = `npm run --silent user -- create $me --role ${role} --password-stdin`
  return `echo ${PASSWORD} | ${command}; ${enter('login')}`
}

const rolesToMake = (list: string): Role[] =>
  describedRoutes({}).flatMap(({ method, path, role }) =>
    method === 'POST' && path === list ? roles.names.filter((name) => name === role) : [],
  )

/** Shows the row, and keeps its id in a variable. */
const create = (list: string, body: Body, id: string) =>
  `row=$(${CURL} -b $jar ${list} ${JSON_BODY} ${quoted(body)}); echo "$row"; ${id}=\${row#*'"id":"'} ${id}=\${${id}%%'"'*}`

function filterOf(fields: Field[], body: Body): string {
  const is = (name: string, field: Field) => `${name}=${encodeURIComponent(String(body[field.name]))}`
  const [indexed] = fields.filter((field) => field.indexed)
  if (indexed) return is(indexed.name, indexed)
  const [searched] = fields.filter((field) => field.searched)
  return searched ? is('search', searched) : 'limit=10'
}

const quoted = (body: Body) => `'${JSON.stringify(body).replaceAll("'", String.raw`'\''`)}'`
