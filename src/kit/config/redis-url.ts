// Reads the URL of a Redis: one server, servers that Sentinels watch, or a Cluster.

const FORM = /^(rediss?)\+(sentinel|cluster):\/\/((?:[^@/?#]*@)?)([^@/?#]+)((?:\/[^?#]*)?)((?:\?[^#]*)?)$/

const LIKE = {
  sentinel:
    'redis+sentinel://[user:password@]host:26379,host2:26379/<name of the master>[/database][?sentinel=[user:]password]',
  cluster: 'redis+cluster://[user:password@]host:7000,host2:7001',
}

type Auth = { username?: string; password?: string }

/** Where Redis is: of a single server its URL is all that is known. */
export type RedisPlace =
  | { kind: 'single'; urls: [string] }
  | { kind: 'sentinel'; urls: string[]; master: string; db: number; sentinelAuth: Auth }
  | { kind: 'cluster'; urls: string[] }

/** True for a URL that names servers in company: what begins with redis+ or rediss+. */
export const isInCompany = (text: string) => /^rediss?\+/.test(text)

/**
 * `urls` names each server as an ordinary URL, with user and password.
 * @returns what to write instead, as a text, if it cannot be read
 */
export function readRedisUrl(text: string): RedisPlace | string {
  if (!isInCompany(text)) return { kind: 'single', urls: [text] }
  const [, scheme, kind, auth, hosts = '', path = '', query] = FORM.exec(text) ?? []
  if (kind !== 'sentinel' && kind !== 'cluster') return `must be like ${LIKE.sentinel} or ${LIKE.cluster}`
  const sentinelAuth = kind === 'sentinel' ? readSentinelAuth(query ?? '') : query ? undefined : {}
  if (!sentinelAuth) return `has parameters that are not supported: write ${LIKE[kind]}`
  const urls = hosts.split(',').map((host) => `${scheme}://${auth}${host}`)
  if (urls.some((url) => !/[^@/]$/.test(url) || !URL.canParse(url)))
    return `names a host that cannot be read: write ${LIKE[kind]}, with commas between hosts`
  if (kind === 'cluster') {
    if (path.replace('/', '') === '') return { kind, urls }
    return `names a database, and a Cluster has only one: write ${LIKE.cluster}; a REDIS_PREFIX keeps services apart`
  }
  const [, master, db] = /^\/([\w.-]+)(?:\/(\d*))?$/.exec(path) ?? []
  if (master === undefined) return `does not name the master as its Sentinels do: write ${LIKE.sentinel}`
  return { kind, urls, master, db: Number(db ?? 0), sentinelAuth }
}

/** The Sentinels' own user and password; undefined for any other parameter. */
function readSentinelAuth(query: string): Auth | undefined {
  if (query === '') return {}
  const [, user, password] = /^\?sentinel=(?:([^:&]*):)?([^:&]+)$/.exec(query) ?? []
  try {
    if (password === undefined) return undefined
    return { ...(user && { username: decodeURIComponent(user) }), password: decodeURIComponent(password) }
  } catch {
    return undefined
  }
}

/** An ordinary URL for each server that a URL names; itself, if it is one. */
export function serversOf(text: string): string[] {
  const place = readRedisUrl(text)
  return typeof place === 'string' ? [text] : place.urls
}
