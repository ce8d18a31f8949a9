// Accounts from the command line, and the only way to the first superuser: npm run user -- create ann@example.com --role superuser
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import type { z } from 'zod'
import { ABILITIES } from '../src/account/abilities.ts'
import { makeAccessToken } from '../src/account/access-tokens.ts'
import { changeRole } from '../src/account/change-role.ts'
import { deleteFor } from '../src/account/deletion.ts'
import { invite } from '../src/account/invitations.ts'
import { requestNotice } from '../src/account/mail-tasks.ts'
import { endSessionsOf, findAccount, resetFactors, setPassword } from '../src/account/manage.ts'
import { SIGN_IN } from '../src/account/pages/paths.ts'
import type { Deps } from '../src/account/product.ts'
import { findUserWithHash, isEmailTaken, type User } from '../src/account/queries.ts'
import { ROLES, roles, type Role } from '../src/account/roles.ts'
import { passwordFaults } from '../src/account/password-rule.ts'
import { Invite, NewAccessToken, Password, Signup } from '../src/account/schema.ts'
import { createAccount } from '../src/account/sign-up.ts'
import { userList } from '../src/account/user-list.ts'
import { readList } from '../src/kit/data/list-page.ts'
import { printable, printableJson } from '../src/kit/log/terminal-escape.ts'
import { hint } from '../src/kit/types/nearest.ts'
import { readManifest } from './manifest.ts'
import { localUrl } from './local-url.ts'
import { oneOf, readArguments, runCommand, systemUser, UsageError } from './command.ts'
import { readHidden } from './prompt.ts'
import { readCurrentStatus } from './status.ts'
import { withDeps } from './with-deps.ts'

const USAGE = `Usage: npm run user -- create <email> [--role <role>] [--first <name>] [--last <name>] [--password-stdin]
       npm run user -- invite <email> [--role <role>]
       npm run user -- role <email> <role>
       npm run user -- disable <email>
       npm run user -- token <email> [--name <name>] [--abilities <ability>,...] [--days <n>]
       npm run user -- password <email> [--password-stdin]
       npm run user -- end-sessions <email>
       npm run user -- reset-factors <email>
       npm run user -- delete <email>
       npm run user -- show <email>
       npm run user -- list [--search <text>]
Roles, lowest first: ${ROLES.join(', ')}
A token for programs may read for 90 days if nothing else is said; abilities: ${ABILITIES.join(', ')}.
The password is asked for on a terminal, read from standard input with --password-stdin, made up otherwise: then the first login
has to choose another.
--json prints JSON, for scripts: one object, or with \`list\` one on each line; all else goes to stderr.`

/** Who acts, for the log and the audit trail. */
const BY = { command: systemUser() }
const GENERATED_BYTES = 18
const LIST_PAGE = 1000

/** Prints what was done, as JSON or in words. */
type Say = (value: object, text: string) => void
type Command = (deps: Deps, say: Say) => Promise<void>

type Values = Arguments['values']

interface Spec {
  /** Arguments: an email, and a role. */
  takes: number
  options?: string[]
  /** Checks what is given, before anything is opened. */
  read(email: string, values: Values, role: string): Command
}

const ofAccount = (act: (deps: Deps, say: Say, email: string) => Promise<void>): Spec => ({
  takes: 1,
  read: (email) => (deps, say) => act(deps, say, email),
})

const COMMANDS: Record<string, Spec> = {
  create: {
    takes: 1,
    options: ['role', 'first', 'last', 'password-stdin'],
    read(email, values) {
      const account = {
        email: checked(Signup.shape.email, email, 'The email'),
        role: checkedRole(values.role ?? 'editor'),
        first_name: checked(Signup.shape.fname, values.first ?? email.replace(/@.*/, ''), '--first'),
        last_name: values.last === undefined ? '' : checked(Signup.shape.lname, values.last, '--last'),
      }
      return (deps, say) => create(deps, say, account, values['password-stdin'] === true)
    },
  },
  invite: {
    takes: 1,
    options: ['role'],
    read(email, values) {
      const invitation = checked(Invite, { email, role: values.role }, 'The email or --role')
      return async (deps, say) => {
        if (deps.config.signup === 'off') throw new Error('SIGNUP=off closes invitations: use `create`')
        await invite(deps, invitation, BY)
        say(invitation, `A mail with a link is on its way to ${email}: it works once, for seven days`)
      }
    },
  },
  role: {
    takes: 2,
    read(email, _values, name) {
      const role = checkedRole(name)
      return (deps, say) => setRole(deps, say, email, role)
    },
  },
  disable: ofAccount((deps, say, email) => setRole(deps, say, email, 'disabled')),
  token: {
    takes: 1,
    options: ['name', 'abilities', 'days'],
    read(email, values) {
      const asked = { abilities: values.abilities?.split(','), days: values.days && Number(values.days) }
      const input = { name: values.name ?? 'command line', ...asked }
      const token = checked(NewAccessToken, input, '--name, --abilities or --days')
      return (deps, say) => makeToken(deps, say, email, token)
    },
  },
  password: {
    takes: 1,
    options: ['password-stdin'],
    read: (email, values) => (deps, say) =>
      replacePassword(deps, say, email, values['password-stdin'] === true),
  },
  'end-sessions': ofAccount(endSessions),
  'reset-factors': ofAccount(endFactors),
  delete: ofAccount(deleteAccount),
  show: ofAccount(show),
  list: {
    takes: 0,
    options: ['search'],
    read: (_email, values) => (deps, say) => list(deps, say, values.search),
  },
}

function parseCommand({ positionals, values }: Arguments): Command {
  const [first, ...rest] = positionals
  const name = oneOf(first, Object.keys(COMMANDS), 'command')
  const { takes, options = [], read } = COMMANDS[name] as Spec
  if (rest.length !== takes) throw new UsageError(`${name} takes ${takes} argument(s), not ${rest.length}`)
  const stray = Object.keys(values).find((option) => !['json', ...options].includes(option))
  if (stray !== undefined) throw new UsageError(`${name} has no option --${stray}`)
  const [email = '', role = ''] = rest
  return read(email, values, role)
}

function readCommandLine() {
  const text = { type: 'string' } as const
  const options = {
    role: text,
    first: text,
    last: text,
    search: text,
    name: text,
    abilities: text,
    days: text,
    'password-stdin': { type: 'boolean' },
    json: { type: 'boolean' },
  } as const
  return readArguments(options, Infinity)
}

type Arguments = ReturnType<typeof readCommandLine>

function checked<T>(schema: z.ZodType<T>, value: unknown, what: string): T {
  const { data, error } = schema.safeParse(value)
  if (error) throw new Error(`${what}: ${error.issues.map((issue) => issue.message).join('; ')}`)
  return data
}

function checkedRole(name: string): Role {
  const role = ROLES.find((r) => r === name)
  if (role === undefined) throw new Error(`There is no role "${name}"${hint(name, ROLES)}`)
  return role
}

type NewAccount = Pick<User, 'email' | 'role' | 'first_name' | 'last_name'>

async function create(deps: Deps, say: Say, account: NewAccount, fromStdin: boolean): Promise<void> {
  const { db, log, passwords } = deps
  if (await findUserWithHash(db, account.email)) throw taken(account.email)
  if (await isEmailTaken(db, account.email))
    throw new Error(
      `${account.email} was an account's until lately, and its owner may take it back for seven days`,
    )
  const faultsOf = (password: string) => passwordFaults(deps, password, account)
  const { password, generated } = await obtainPassword(faultsOf, fromStdin)
  const hash = await passwords.hash(password)
  const row = { ...account, ...secretOf(hash, generated), email_proof: 'operator' } as const
  const user = await db.transaction((tx) => createAccount(BY, tx, row))
  log.warn('ACCOUNT CREATED by command', { user: user.id, role: user.role, by: BY.command })
  say(
    { ...user, password: generated },
    `${user.email} is ${user.role} now${told(generated)}${whereToSignIn(deps)}`,
  )
}

/** One that was made up opens nothing but the choice of another. */
const secretOf = (hash: string, generated: string | undefined) =>
  generated === undefined ? { password: hash } : { password: null, temporary_password: hash }

const told = (generated: string | undefined) =>
  generated === undefined
    ? ''
    : `\nPassword: ${generated}\nIt is shown this once, and the first login has to choose another.`

function whereToSignIn({ config }: Deps): string {
  if (!config.authPages) return ''
  const here = localUrl(config)
  const { port } = readCurrentStatus() ?? config // another terminal may have given it
  const url = config.appUrl === here ? localUrl({ ...config, port }) : config.appUrl
  return `\nSign in at ${url}${SIGN_IN}`
}

const taken = (email: string) => new Error(`There is an account ${email} already: \`role\` changes its role`)

type FaultsOf = (password: string) => Promise<string[]>

async function obtainPassword(
  faultsOf: FaultsOf,
  fromStdin: boolean,
): Promise<{ password: string; generated?: string }> {
  if (fromStdin) {
    const given = (await Bun.stdin.text()).replace(/\r?\n$/, '')
    return { password: await checkedPassword(faultsOf, given) }
  }
  if (process.stdin.isTTY) {
    const given = await readHidden('Password (empty: make one up): ')
    if (given !== '') {
      const password = await checkedPassword(faultsOf, given)
      if ((await readHidden('Once more: ')) !== password) throw new Error('The two passwords differ')
      return { password }
    }
  }
  const generated = await generatePassword(faultsOf)
  return { password: generated, generated }
}

async function checkedPassword(faultsOf: FaultsOf, given: string): Promise<string> {
  const password = checked(Password, given, 'The password')
  const faults = await faultsOf(password)
  if (faults.length > 0) throw new Error(`The password: ${faults.join('; ')}`)
  return password
}

/** Random, and of every kind of letter that the rule may ask for: a draw without one is thrown away. */
async function generatePassword(faultsOf: FaultsOf): Promise<string> {
  for (;;) {
    const password = randomBytes(GENERATED_BYTES).toString('base64url')
    if ((await faultsOf(password)).length === 0) return password
  }
}

async function userOf({ db }: Pick<Deps, 'db'>, email: string): Promise<User> {
  const found = await findUserWithHash(db, email)
  if (found === undefined) throw new Error(`There is no account ${email}`)
  return found.user
}

/** Where Postgres and Redis are both written: better neither than one. */
async function userWhenReady(deps: Deps, email: string): Promise<User> {
  await deps.ready()
  return userOf(deps, email)
}

/** What was found of an account that may have gone meanwhile. */
function still<T>(found: T | undefined, email: string): T {
  if (found === undefined) throw new Error(`There is no account ${email} any more`)
  return found
}

async function setRole(deps: Deps, say: Say, email: string, role: Role): Promise<void> {
  const { id, role: was } = await userWhenReady(deps, email)
  // Even if the role is the same: a run that was cut short may have left sessions behind.
  const user = still(await changeRole(deps, id, role, BY), email)
  if (was !== role) deps.log.warn('ROLE CHANGED by command', { user: id, was, role, by: BY.command })
  say(
    { ...user, was },
    was === role
      ? `${user.email} is ${role} already`
      : `${user.email} was ${was}, and is ${role} from the next request on`,
  )
}

async function replacePassword(deps: Deps, say: Say, email: string, fromStdin: boolean): Promise<void> {
  const user = await userOf(deps, email)
  const faultsOf = (password: string) => passwordFaults(deps, password, user)
  const { password, generated } = await obtainPassword(faultsOf, fromStdin)
  await deps.ready()
  await setPassword(deps, user.id, secretOf(await deps.passwords.hash(password), generated), BY)
  deps.log.warn('PASSWORD SET by command', { user: user.id, by: BY.command })
  say(
    { id: user.id, email: user.email, password: generated },
    `${user.email} has another password, and is logged out everywhere${told(generated)}`,
  )
}

async function endSessions(deps: Deps, say: Say, email: string): Promise<void> {
  const user = await userWhenReady(deps, email)
  const { sessions: ended = 0 } = (await findAccount(deps, user.id)) ?? {}
  await endSessionsOf(deps, { userId: user.id }, BY)
  deps.log.warn('SESSIONS ENDED by command', { user: user.id, ended, by: BY.command })
  say({ id: user.id, email: user.email, ended }, `${user.email} is logged out of ${ended} session(s)`)
}

/** Of an owner who has lost them: then the password alone logs in, so make sure that it is them who asks. */
async function endFactors(deps: Deps, say: Say, email: string): Promise<void> {
  const { id, email: of } = await userWhenReady(deps, email)
  const reset = await resetFactors(deps, id, BY)
  if (reset) deps.log.warn('SECOND FACTORS ENDED by command', { user: id, by: BY.command })
  say(
    { id, email: of, reset },
    reset ? `${of} has no second factor any more, and is logged out everywhere` : `${of} has none`,
  )
}

async function deleteAccount(deps: Deps, say: Say, email: string): Promise<void> {
  const { id } = await userWhenReady(deps, email)
  const user = still(await deleteFor(deps, id, BY), email)
  deps.log.warn('ACCOUNT DELETION ASKED by command', { user: user.id, by: BY.command })
  say(
    user,
    `${user.email} is logged out, and deleted at ${user.deletes?.toISOString()}: until then a login can undo it`,
  )
}

async function show(deps: Deps, say: Say, email: string): Promise<void> {
  const { id } = await userOf(deps, email)
  const found = still(await findAccount(deps, id), email)
  const factors = await deps.secondStep?.factorsOf(deps.db, id)
  const account = { ...found, ...(factors && { factors: factors.map(({ name }) => name) }) }
  const facts = Object.entries(account).map(([name, value]) => [
    name.padEnd(10),
    value instanceof Date ? value.toISOString() : String(value ?? ''),
  ])
  say(account, facts.map((fact) => printable(fact.join('  ')).trimEnd()).join('\n'))
}

async function makeToken(
  { db, enqueue, log }: Deps,
  say: Say,
  email: string,
  input: z.output<typeof NewAccessToken>,
) {
  const { id: userId, email: to, role } = await userOf({ db }, email)
  if (roles.isBarred(role)) throw new Error(`${email} is ${role}: change its role first`)
  const made = await db.transaction(async (tx) => {
    const token = await makeAccessToken(BY, tx, { userId, ...input })
    await requestNotice({ enqueue }, tx, to, 'token_made')
    return token
  })
  log.warn('ACCESS TOKEN MADE by command', { user: userId, token: made.id, by: BY.command })
  const may = `It may ${made.abilities.join(', ')}, until ${ended(made.expires)}.`
  say({ ...made, user: userId }, `${made.token}\nIt is shown this once. ${may}`)
}

const ended = (expires: Date | null) => expires?.toISOString().slice(0, 10) ?? 'it is ended'

async function list({ db }: Deps, say: Say, search: string | undefined): Promise<void> {
  let count = 0
  let cursor: string | undefined
  do {
    const { rows, next } = await readList(userList, { db }, { search, cursor, limit: LIST_PAGE })
    for (const user of rows) say(user, printable(describe(user)))
    count += rows.length
    cursor = next
  } while (cursor !== undefined)
  console.error(`${count} account(s)`)
}

const describe = ({ id, role, email, first_name, last_name, created }: User) =>
  [id, role.padEnd(9), created.toISOString().slice(0, 10), email, `${first_name} ${last_name}`.trim()].join(
    '  ',
  )

const { restbun } = readManifest(join(import.meta.dir, '..'))
const hasFactors = !restbun?.removed?.includes('second-factors')

await runCommand(hasFactors ? USAGE : USAGE.replace(/.*reset-factors.*\n/, ''), () => {
  const given = readCommandLine()
  const command = parseCommand(given)
  const json = given.values.json === true
  const say: Say = (value, text) => console.log(json ? printableJson(JSON.stringify(value)) : text)
  // The log is told of trouble, and of who may do what from now on.
  return withDeps({ logLevel: 'warn', json }, ({ deps }) => command(deps, say))
})
