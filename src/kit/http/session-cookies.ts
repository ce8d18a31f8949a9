// Reads the cookies that may carry a session: there may be several after a change of settings, or from a sibling domain.

export const SESSION_COOKIE = 'session'

/** Browsers accept it only over HTTPS from this very host, so no sibling domain can set it. Read, but not written yet. */
export const HOST_COOKIE = '__Host-session'

const ALONE = `${SESSION_COOKIE}=`

/** Further values of one name are ignored. */
const MAX_VALUES = 3

/** Returns the tokens in a Cookie header, each once. If the host's own cookie is there, only that one is read. */
export function sessionCookies(header: string | undefined): string[] {
  if (header === undefined) return []
  // Nearly every browser sends just this one.
  if (header.startsWith(ALONE) && !header.includes(';')) return [header.slice(ALONE.length).trim()]
  const own = valuesOf(header, HOST_COOKIE)
  return own.length > 0 ? own : valuesOf(header, SESSION_COOKIE)
}

function valuesOf(header: string, name: string): string[] {
  const found = new Set<string>()
  if (!header.includes(name)) return []
  for (const pair of header.split(';', MAX_PAIRS)) {
    const at = pair.indexOf('=')
    if (at < 0 || pair.slice(0, at).trim() !== name) continue
    found.add(pair.slice(at + 1).trim())
    if (found.size === MAX_VALUES) break
  }
  return [...found]
}

/** Browsers keep fewer for one site. */
const MAX_PAIRS = 300

/** A cookie to delete, so that the one that is set now is the only one. */
export interface StaleCookie {
  name: string
  domain?: string
  secure?: true
}

/**
 * Returns the cookies that a browser may still have beside that of `domain` (COOKIE_DOMAIN; undefined: of this host
 * only), from a time when that setting was different. Delete them before the new one is set: some clients cannot tell a
 * host's cookie from one whose domain is the host.
 */
export function staleCookies(
  header = '',
  host: string | undefined,
  domain: string | undefined,
): StaleCookie[] {
  const own: StaleCookie[] =
    valuesOf(header, HOST_COOKIE).length > 0 ? [{ name: HOST_COOKIE, secure: true }] : []
  if (domain !== undefined) own.push({ name: SESSION_COOKIE })
  const kept = domain?.replace(/^\./, '').toLowerCase()
  for (const parent of domainsOf(host)) {
    if (parent !== kept) own.push({ name: SESSION_COOKIE, domain: parent })
  }
  return own
}

/** Returns the domains whose cookies a host may set: `api.example.com`, `example.com`. An IP address has none. */
function domainsOf(host = ''): string[] {
  const name = host.replace(/:\d*$/, '').toLowerCase()
  if (!/^[a-z0-9-]+(\.[a-z0-9-]+){1,9}$/.test(name) || /\.\d+$/.test(name)) return []
  const labels = name.split('.')
  return labels.slice(0, -1).map((_, i) => labels.slice(i).join('.'))
}
