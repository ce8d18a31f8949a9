// The cookies that may carry a session: one, or several of one name where a setting has changed or a sibling domain meddles.

export const SESSION_COOKIE = 'session'

/** Browsers take it only over HTTPS, from this very host: no sibling domain can set it. Read, and not written yet. */
export const HOST_COOKIE = '__Host-session'

const ALONE = `${SESSION_COOKIE}=`

/** More values of one name are not looked at. */
const MAX_VALUES = 3

/** The tokens that a Cookie header carries, each once. Where there is the host's own cookie nothing else is read. */
export function sessionCookies(header: string | undefined): string[] {
  if (header === undefined) return []
  // Nearly every browser sends this one, and no other.
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

/** A browser keeps fewer for one site. */
const MAX_PAIRS = 300

/** Which cookies to delete, so that the one that is set now is alone. */
export interface Variant {
  name: string
  domain?: string
  secure?: true
}

/**
 * The variants that a browser may have beside the cookie of `domain` (COOKIE_DOMAIN; undefined: of this host only), from
 * a time when that setting was another one. They are deleted before the new one is set: some clients tell a host's cookie
 * not from one whose domain is the host.
 */
export function staleVariants(header = '', host: string | undefined, domain: string | undefined): Variant[] {
  const own: Variant[] = valuesOf(header, HOST_COOKIE).length > 0 ? [{ name: HOST_COOKIE, secure: true }] : []
  if (domain !== undefined) own.push({ name: SESSION_COOKIE })
  const kept = domain?.replace(/^\./, '').toLowerCase()
  for (const parent of domainsOf(host)) {
    if (parent !== kept) own.push({ name: SESSION_COOKIE, domain: parent })
  }
  return own
}

/** `api.example.com` and `example.com`: the domains whose cookies a host may set. An address has none. */
function domainsOf(host = ''): string[] {
  const name = host.replace(/:\d*$/, '').toLowerCase()
  if (!/^[a-z0-9-]+(\.[a-z0-9-]+){1,9}$/.test(name) || /\.\d+$/.test(name)) return []
  const labels = name.split('.')
  return labels.slice(0, -1).map((_, i) => labels.slice(i).join('.'))
}
