// Accounts from the command line, and the only way to the first superuser: npm run user -- create ann@example.com --role superuser
import { randomBytes } from 'node:crypto'
import { userInfo } from 'node:os'
import { parseArgs } from 'node:util'
import type { z } from 'zod'
import { ABILITIES } from '../src/account/abilities.ts'
import { makeAccessToken } from '../src/account/access-tokens.ts'
import { changeRole } from '../src/account/change-role.ts'
import type { Deps } from '../src/account/product.ts'
import { createUser, findUserWithHash, isEmailTaken, type User } from '../src/account/queries.ts'
import { ROLES, roles, type Role } from '../src/account/roles.ts'
import { passwordFaults } from '../src/account/password-rule.ts'
import { NewAccessToken, Password, Signup } from '../src/account/schema.ts'
import { listUsers, type UserKey } from '../src/account/user-list.ts'
import { printable } from '../src/kit/log/terminal-escape.ts'
import { asUsage, runCommand, UsageError } from './command.ts'
import { readHidden } from './prompt.ts'
import { withDeps } from './with-deps.ts'

const USAGE = `Usage: npm run user -- create <email> [--role <role>] [--first <name>] [--last <name>] [--password-stdin]
       npm run user -- role <email> <role>
       npm run user -- disable <email>
       npm run user -- token <email> [--name <name>] [--abilities <ability>,...] [--days <n>]
       npm run user -- list [--search <text>]
Roles, lowest first: ${ROLES.join(', ')}
A token for programs may read for 90 days if nothing else is said; abilities: ${ABILITIES.join(', ')}.
The password is asked for on a terminal, read from standard input with --password-stdin, made up otherwise.`

const GENERATED_BYTES = 18
const LIST_PAGE = 1000

type Command = (deps: Deps) => Promise<void>

/** Checks the arguments before anything is opened. */
function parseCommand(args: string[]): Command {
  const { positionals, values } = readArguments(args)
  const [name = '', ...rest] = positionals
  const accept = (count: number, ...options: string[]) => {
    if (rest.length !== count) throw new UsageError(`${name} takes ${count} argument(s), not ${rest.length}`)
    const stray = Object.keys(values).find((option) => !options.includes(option))
    if (stray !== undefined) throw new UsageError(`${name} has no option --${stray}`)
  }
  const [email = '', role = ''] = rest
  switch (name) {
    case 'create': {
      accept(1, 'role', 'first', 'last', 'password-stdin')
      const account = {
        email: checked(Signup.shape.email, email, 'The email'),
        role: checkedRole(values.role ?? 'editor'),
        first_name: checked(Signup.shape.fname, values.first ?? email.replace(/@.*/, ''), '--first'),
        last_name: values.last === undefined ? '' : checked(Signup.shape.lname, values.last, '--last'),
      }
      return (deps) => create(deps, account, values['password-stdin'] === true)
    }
    case 'role': {
      accept(2)
      const newRole = checkedRole(role)
      return (deps) => setRole(deps, email, newRole)
    }
    case 'disable':
      accept(1)
      return (deps) => setRole(deps, email, 'disabled')
    case 'token': {
      accept(1, 'name', 'abilities', 'days')
      const asked = { abilities: values.abilities?.split(','), days: values.days && Number(values.days) }
      const input = { name: values.name ?? 'command line', ...asked }
      const token = checked(NewAccessToken, input, '--name, --abilities or --days')
      return (deps) => makeToken(deps, email, token)
    }
    case 'list':
      accept(0, 'search')
      return (deps) => list(deps, values.search)
    default:
      throw new UsageError(name === '' ? 'Which command?' : `There is no command ${name}`)
  }
}

function readArguments(args: string[]) {
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
  } as const
  return asUsage(() => parseArgs({ args, options, allowPositionals: true }))
}

function checked<T>(schema: z.ZodType<T>, value: unknown, what: string): T {
  const { data, error } = schema.safeParse(value)
  if (error) throw new Error(`${what}: ${error.issues.map((issue) => issue.message).join('; ')}`)
  return data
}

function checkedRole(name: string): Role {
  const role = ROLES.find((r) => r === name)
  if (role === undefined) throw new Error(`There is no role "${name}": it is one of ${ROLES.join(', ')}`)
  return role
}

type NewAccount = Pick<User, 'email' | 'role' | 'first_name' | 'last_name'>

async function create(deps: Deps, account: NewAccount, fromStdin: boolean): Promise<void> {
  const { db, log, passwords } = deps
  if (await findUserWithHash(db, account.email)) throw taken(account.email)
  if (await isEmailTaken(db, account.email))
    throw new Error(
      `${account.email} was an account's until lately, and its owner may take it back for seven days`,
    )
  const faultsOf = (password: string) => passwordFaults(deps, password, account)
  const { password, isGenerated } = await obtainPassword(faultsOf, fromStdin)
  const hash = await passwords.hash(password)
  const user = await createUser(db, { ...account, password: hash, email_proof: 'operator' })
  if (user === undefined) throw taken(account.email)
  log.warn('ACCOUNT CREATED by command', { user: user.id, role: user.role, by: userInfo().username })
  console.log(`${user.email} is ${user.role} now`)
  if (isGenerated) console.log(`Password: ${password}\nIt is shown this once, and kept only as a hash.`)
}

const taken = (email: string) => new Error(`There is an account ${email} already: \`role\` changes its role`)

type FaultsOf = (password: string) => Promise<string[]>

async function obtainPassword(
  faultsOf: FaultsOf,
  fromStdin: boolean,
): Promise<{ password: string; isGenerated: boolean }> {
  if (fromStdin) {
    const given = (await Bun.stdin.text()).replace(/\r?\n$/, '')
    return { password: await checkedPassword(faultsOf, given), isGenerated: false }
  }
  if (process.stdin.isTTY) {
    const given = await readHidden('Password (empty: make one up): ')
    if (given !== '') {
      const password = await checkedPassword(faultsOf, given)
      if ((await readHidden('Once more: ')) !== password) throw new Error('The two passwords differ')
      return { password, isGenerated: false }
    }
  }
  return { password: await generatePassword(faultsOf), isGenerated: true }
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

async function setRole(deps: Deps, email: string, role: Role): Promise<void> {
  // Both are written: better neither than one.
  await deps.ready()
  const found = await findUserWithHash(deps.db, email)
  if (found === undefined) throw new Error(`There is no account ${email}`)
  const was = found.user.role
  // Even if the role is the same: a run that was cut short may have left sessions behind.
  await changeRole(deps, found.user.id, role)
  if (was !== role)
    deps.log.warn('ROLE CHANGED by command', { user: found.user.id, was, role, by: userInfo().username })
  console.log(
    was === role
      ? `${found.user.email} is ${role} already`
      : `${found.user.email} was ${was}, and is ${role} from the next request on`,
  )
}

async function makeToken({ db, log }: Deps, email: string, input: z.output<typeof NewAccessToken>) {
  const found = await findUserWithHash(db, email)
  if (found === undefined) throw new Error(`There is no account ${email}`)
  const { id: userId, role } = found.user
  if (roles.isBarred(role)) throw new Error(`${email} is ${role}: change its role first`)
  const made = await db.transaction((tx) =>
    makeAccessToken({ command: userInfo().username }, tx, { userId, ...input }),
  )
  log.warn('ACCESS TOKEN MADE by command', { user: userId, token: made.id, by: userInfo().username })
  console.log(
    `${made.token}\nIt is shown this once. It may ${made.abilities.join(', ')}, until ${ended(made.expires)}.`,
  )
}

const ended = (expires: Date | null) => expires?.toISOString().slice(0, 10) ?? 'it is ended'

async function list({ db }: Deps, search: string | undefined): Promise<void> {
  let count = 0
  let after: UserKey | undefined
  do {
    const page = await listUsers(db, { search, after, limit: LIST_PAGE, offset: 0 })
    for (const user of page) console.log(printable(describe(user)))
    count += page.length
    const last = page.length < LIST_PAGE ? undefined : page.at(-1)
    after = last && [last.at, last.id]
  } while (after !== undefined)
  console.error(`${count} account(s)`)
}

const describe = ({ id, role, email, first_name, last_name, created }: User) =>
  [id, role.padEnd(9), created.toISOString().slice(0, 10), email, `${first_name} ${last_name}`.trim()].join(
    '  ',
  )

await runCommand(USAGE, () => {
  const command = parseCommand(process.argv.slice(2))
  // The log is told of trouble, and of who may do what from now on.
  return withDeps({ logLevel: 'warn' }, ({ deps }) => command(deps))
})
