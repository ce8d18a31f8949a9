// Checks the URLs of services: whatever a driver would ignore or misread is refused, with what to write instead.
import { z } from 'zod'
import { eachHost, firstHost } from './hosts.ts'
import { readRedisUrl, serversOf } from './redis-url.ts'
import { attempt } from '../types/attempt.ts'

const ESCAPES = 'in a user or password write %23 for #, %25 for %, %2F for /, %3F for ? and %40 for @'

/** A URL with one of these protocols and a host. The message never shows it: it may hold a password. */
export const url = (...protocols: string[]) => checked((value) => faultOfUrl(value, protocols))

function faultOfUrl(value: string, protocols: string[]): string | undefined {
  const like = protocols.map((protocol) => `${protocol}//`).join(' or ')
  const parsed = URL.canParse(value) ? new URL(value) : undefined
  if (!parsed || !protocols.includes(parsed.protocol) || parsed.hostname === '') {
    return `must be a URL that begins with ${like} and names a host; ${ESCAPES}`
  }
  // An unescaped character in the password made its beginning look like a host and a port.
  if (parsed.hash !== '' || (parsed.pathname + parsed.search).includes('@')) {
    return `holds a #, / or ? before its @; ${ESCAPES}`
  }
  if (!isDecodable(parsed.username) || !isDecodable(parsed.password)) {
    return `holds a % that begins no escape; ${ESCAPES}`
  }
  return undefined
}

/** A scheme, a host and maybe a path, as they are written. */
export const bareUrl = () =>
  url('http:', 'https:').pipe(
    checked((value) => {
      const { hash, password, search, username } = new URL(value)
      const isBare = hash === '' && password === '' && search === '' && username === ''
      return isBare ? undefined : 'must be a scheme, a host and maybe a path: https://api.example.com'
    }),
  )

/** Where a site is reached, without the slash at its end. */
export const baseUrl = () => bareUrl().transform((value) => value.replace(/\/+$/, ''))

/** One host, or several with commas between them. postgres.js sends parameters that it does not know to Postgres, which then refuses every connection. */
export const databaseUrl = () =>
  checked((value) =>
    eachHost(value)
      .map(faultOfDatabase)
      .find((fault) => fault !== undefined),
  )

function faultOfDatabase(value: string): string | undefined {
  const fault = faultOfUrl(value, ['postgres:', 'postgresql:'])
  if (fault !== undefined) return fault
  const { hostname, pathname, searchParams } = new URL(value)
  if (/%2f/i.test(hostname)) return 'names a unix socket, which is not supported: write 127.0.0.1'
  if (pathname.includes('%')) {
    return 'names a database with a % in it, which is not decoded: write postgres://host/?database=my%20db'
  }
  for (const [name, text] of searchParams) {
    const wrong = faultOfParameter(name, text)
    if (wrong !== undefined) return wrong
  }
  return undefined
}

/** The parameters that Postgres or postgres.js understands. */
const PARAMETERS = ['application_name', 'database', 'options', 'prepare', 'search_path', 'sslmode']
const SSL_MODES = ['disable', 'prefer', 'require', 'verify-full']
const INSTEAD: Record<string, string> = {
  channel_binding: 'leave it out, and write sslmode=verify-full',
  host: 'write a name or an address before the database; unix sockets are not supported',
  password: 'write it before the @: postgres://user:password@host',
  schema: 'write search_path=',
  ssl: 'write sslmode=verify-full, or sslmode=disable',
  sslrootcert: 'leave it out, and set NODE_EXTRA_CA_CERTS to that file',
  user: 'write it before the @: postgres://user:password@host',
}

function faultOfParameter(name: string, value: string): string | undefined {
  if (!PARAMETERS.includes(name)) {
    const instead = INSTEAD[name] ?? 'leave it out; a setting of Postgres goes by options=-c%20name%3Dvalue'
    return `has the parameter ${name}, which is not supported: ${instead}`
  }
  if (name !== 'sslmode' || SSL_MODES.includes(value)) return undefined
  return `has an sslmode that is not supported: write one of ${SSL_MODES.join(', ')}`
}

/** ioredis would take any of its options from the URL, and database 0 where it cannot read the number. */
export const redisUrl = () => {
  const single = singleRedisUrl()
  return checked((value) => {
    const place = readRedisUrl(value)
    if (typeof place === 'string') return `${place}; ${ESCAPES}`
    const faults = place.urls.map((one) => single.safeParse(one).error?.issues[0]?.message)
    return faults.find((fault) => fault !== undefined)
  })
}

const singleRedisUrl = () =>
  url('redis:', 'rediss:').pipe(
    checked((value) => {
      const { pathname, searchParams } = new URL(value)
      if (!/^\/?\d*$/.test(pathname))
        return 'ends with a database that is not a number: write redis://host:6379/2'
      const [name] = [...searchParams.keys()].filter((key) => key !== 'family')
      if (name === undefined) return undefined
      return (
        `has the parameter ${name}, which is not supported: write the database behind a /, ` +
        'user and password before an @, and rediss:// for TLS'
      )
    }),
  )

/** True if the connection is encrypted but the certificate is not verified, as with `sslmode=require` of libpq. */
export const isUnverified = (postgresUrl: string) =>
  ['prefer', 'require'].includes(new URL(firstHost(postgresUrl)).searchParams.get('sslmode') ?? '')

/** True for a service on another machine, to which whoever is in between can read along. */
export const isReadableOnTheWay = (serviceUrl: string): boolean =>
  serversOf(serviceUrl).flatMap(eachHost).some(isReadable)

function isReadable(serviceUrl: string): boolean {
  const { hostname, protocol, searchParams } = new URL(serviceUrl)
  if (/^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname)) return false
  if (protocol === 'smtp:') return searchParams.get('requireTLS') !== 'true' // else it encrypts if it is offered
  if (protocol.startsWith('postgres')) return ['disable', null].includes(searchParams.get('sslmode'))
  return ['redis:', 'udp:'].includes(protocol)
}

/** True for a password that is tried first: the user's name, the project's, and those of examples. */
export function isGuessable(serviceUrl: string, project: string): boolean {
  const { username, password } = new URL(firstHost(serversOf(serviceUrl)[0] ?? ''))
  const tried = [username, project, 'postgres', 'redis', 'root', 'admin', 'password', 'secret', 'changeme']
  return password !== '' && tried.includes(password)
}

const isDecodable = (text: string) => attempt(() => decodeURIComponent(text)) !== undefined

/** A text in which `faultOf` finds no fault. */
export const checked = (faultOf: (value: string) => string | undefined) =>
  z.string().superRefine((value, context) => {
    const message = faultOf(value)
    if (message !== undefined) context.addIssue({ code: 'custom', message })
  })
