// Writes down how a new resource is tried at once: curl lines for a shell, beside an `npm start` that runs.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { roles, type Role } from '../../src/account/roles.ts'
import type { Config } from '../../src/config.ts'
import { localUrl } from '../local-url.ts'
import { describedRoutes } from '../described-routes.ts'
import { wordsOf } from './access.ts'
import type { Field } from './fields.ts'
import type { Names } from './names.ts'
import { purposesOf } from './purposes.ts'
import { ranksOf } from './rules.ts'
import { FACTORIES } from './template.ts'
import { readLine, readWish, type Wish } from './wish.ts'

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
  // What others refer to stays when the lines have ended: it is not what that resource's own lines make, and would keep it out.
  const makeReferred = (other: Names) => [make(other), make(other), make(other)].at(-1) ?? {}
  const references = referencesOf(root, fields, makeReferred)
  const [body, other] = [{ ...make(names), ...references.body }, make(names)]
  const ruled = ranksOf(rules)
  const free = Object.keys(other).find((name) => !ruled.has(name))
  const changed = free === undefined ? other : { [free]: other[free] }
  const parent = access.parent?.names
  const parents = parent && `/${parent.path}`
  const { public: isPublic, open } = wordsOf(access)
  const parentReferences = referencesOf(root, parent ? madeBy(root, parent).fields : [], makeReferred)
  const above = uniqueBy([...parentReferences.rows, ...references.rows])
  const needed = [...above.map(({ names: { path } }) => path), ...(parent ? [parent.path] : [])].flatMap(
    (path) => rolesToMake(`/api/${path}`),
  )
  const isMine = JSON.stringify([parentReferences, references]).includes(MY_ID)
  const list = parents ? `$api${parents}/$parent/${names.path}` : `$api/${names.path}`
  const remove = `${CURL} -b $jar ${list}/$id -X DELETE`
  return [
    `api=${localUrl(config)}/api jar=$(mktemp) json='Content-Type: application/json' me=try-$(date +%s)-$$@example.com`,
    account([access.writer, ...needed], config),
    ...(isMine ? [keepId(`${CURL} -b $jar $api/me`, MY_ID)] : []),
    ...above.map((referred) => createOrFind(root, referred)),
    ...(parent
      ? [
          createOrFind(root, {
            names: parent,
            body: { ...makeReferred(parent), ...parentReferences.body },
            id: 'parent',
          }),
        ]
      : []),
    create(list, body, 'id'),
    `${CURL} ${isPublic && open ? '' : '-b $jar '}"${list}?${filterOf(fields, body)}"`,
    `${CURL} -b $jar ${list}/$id -X PUT ${JSON_BODY} ${quoted(changed)}`,
    ...(access.softDelete ? [remove, `${CURL} -b $jar ${list}/$id/restore -X POST`] : []),
    access.bulk ? `${CURL} -b $jar ${list} -X PATCH ${JSON_BODY} '{"delete":["'$id'"]}'` : remove,
  ]
}

/** The variable for the id of the account. */
const MY_ID = 'my_id'

/** A row that has to be there first. */
interface Referred {
  names: Names
  body: Body
  /** The variable for its id. */
  id: string
}

/** What a body has in fields that refer to something, and the rows for that, those first to which others refer. */
function referencesOf(
  root: string,
  fields: Field[],
  make: (names: Names) => Body,
): { body: Body; rows: Referred[] } {
  const body: Body = {}
  const rows: Referred[] = []
  for (const { name, type, optional, refersTo, args } of fields) {
    if (refersTo === undefined || optional) continue
    const id = type === 'account' ? MY_ID : `a_${refersTo.names.snake}`
    body[name] = variable(id)
    if (type === 'account') continue
    if (type === 'file') {
      const [purpose = ''] = args
      body[name] = variable(`a_${purpose}`)
      rows.push({ names: refersTo.names, body: { purpose }, id: `a_${purpose}` })
      continue
    }
    const others = referencesOf(root, madeBy(root, refersTo.names).fields, make)
    const own = { names: refersTo.names, body: { ...make(refersTo.names), ...others.body }, id }
    rows.push(...others.rows, own)
  }
  return { body, rows: uniqueBy(rows) }
}

const uniqueBy = (rows: Referred[]) =>
  rows.filter(({ id }, i) => rows.findIndex((other) => other.id === id) === i)

/** By what a resource was made; by nothing where its table does not say so. */
function madeBy(root: string, { path }: Names): Pick<Wish, 'fields' | 'rules'> {
  const table = join(root, `src/${path}/table.ts`)
  const words = existsSync(table) ? readLine(readFileSync(table, 'utf8')) : undefined
  return words === undefined ? { fields: [], rules: [] } : readWish(root, words)
}

/** Stands for the value of a variable in a body. */
const variable = (name: string) => `\u0001${name}\u0001`

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

const create = (list: string, body: Body, id: string) =>
  keepId(`${CURL} -b $jar ${list} ${JSON_BODY} ${quoted(body)}`, id)

/** What others refer to stays when the lines have ended: the next time it may keep its like out, and serves as well. */
function createOrFind(root: string, { names, body, id }: Referred): string {
  if (names.path === 'files') return upload(root, String(body.purpose), id)
  const { fields, rules } = madeBy(root, names)
  const list = `$api/${names.path}`
  const isAlone = fields.some(({ unique }) => unique) || rules.some(({ word }) => word !== 'check')
  if (!isAlone) return create(list, body, id)
  return keepId(
    `curl -sf -b $jar ${list} ${JSON_BODY} ${quoted(body)} || ${CURL} -b $jar "${list}?limit=1"`,
    id,
  )
}

/** How the smallest files begin, as printf takes it. */
const FIRST_BYTES: Record<string, string> = {
  'image/png': String.raw`\211PNG\r\n\032\n`,
  'image/jpeg': String.raw`\377\330\377`,
  'image/gif': 'GIF89a',
  'application/pdf': '%%PDF-1.7',
  'text/plain': 'hello',
}

/** Where the purpose takes none of these, the line says what is to be filled in. */
function upload(root: string, purpose: string, id: string): string {
  const type = purposesOf(root)[purpose]?.types.find((each) => Object.hasOwn(FIRST_BYTES, each))
  const file = type === undefined ? 'file=@YOUR-FILE' : `file=@-;filename=a;type=${type}`
  const send = `${CURL} -b $jar $api/small-files -F purpose=${purpose} -F '${file}'`
  return keepId(type === undefined ? send : `printf '${FIRST_BYTES[type]}' | ${send}`, id)
}

/** Shows the row that the command prints, and keeps its id in a variable. */
const keepId = (command: string, id: string) =>
  `row=$(${command}); echo "$row"; ${id}=\${row#*'"id":"'} ${id}=\${${id}%%'"'*}`

function filterOf(fields: Field[], body: Body): string {
  const is = (name: string, field: Field) =>
    `${name}=${encodeURIComponent(String([body[field.name]].flat()[0]))}`
  const [indexed] = fields.filter((field) => field.indexed && field.refersTo === undefined)
  if (indexed) return is(indexed.name, indexed)
  const [searched] = fields.filter((field) => field.searched)
  return searched ? is('search', searched) : 'limit=10'
}

const quoted = (body: Body) =>
  `'${JSON.stringify(body)
    .replaceAll("'", String.raw`'\''`)
    .replaceAll(/\\u0001(\w+)\\u0001/g, "'$$$1'")}'`
