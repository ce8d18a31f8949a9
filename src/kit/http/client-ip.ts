// Determines the client's address: the connection's own, or the one that a trusted proxy reports.
import { convertIPv4ToBinary, convertIPv6ToBinary, distinctRemoteAddr } from 'hono/utils/ipaddr'
import { middleware } from './factory.ts'

/**
 * Sets `c.var.ip`. On a connection from a trusted network it comes from `header`, to which every proxy appends, so it is
 * read from the right. Only one header is read: proxies pass on whatever a client sends in others.
 */
export function clientIp(trustedProxies: readonly string[], header = 'x-forwarded-for') {
  const trusted = trustedNetworks(trustedProxies)
  const isForwarded = header.toLowerCase() === 'forwarded'
  return middleware((c, next) => {
    const peer = c.env?.remoteAddress ?? 'unknown'
    c.set(
      'ip',
      (trusted(peer) ? lastUntrusted(c.req.header(header), isForwarded, trusted) : undefined) ?? peer,
    )
    return next()
  })
}

export type IsTrusted = (address: string) => boolean

/** Returns a check for addresses inside any of the networks (addresses or CIDR ranges). */
export function trustedNetworks(networks: readonly string[]): IsTrusted {
  const ranges = networks.map(parseRange)
  return (address) => {
    if (ranges.length === 0) return false
    const bits = toBits(address)
    return bits !== null && ranges.some((r) => bits >> r.hostBits === r.network)
  }
}

/** With this a proxy withholds its client's address: entries before it may be forged. */
const WITHHELD = /^(unknown|_[\w.-]+)$/i

/** Returns the first address from the right that is not a trusted proxy. Entries that are no addresses are skipped. */
function lastUntrusted(
  header: string | undefined,
  isForwarded: boolean,
  trusted: IsTrusted,
): string | undefined {
  for (const entry of (header ?? '').split(',').toReversed()) {
    const address = withoutPort(isForwarded ? (FOR.exec(entry)?.[1] ?? '') : entry)
    if (WITHHELD.test(address)) return undefined
    if (toBits(address) !== null && !trusted(address)) return address
  }
  return undefined
}

/** `for=192.0.2.1;proto=https`, `for="[2001:db8::1]:5678"` (RFC 7239). */
const FOR = /(?:^|;)\s*for\s*=\s*"?([^";]*)"?\s*(?:;|$)/i

/** Some proxies write `1.2.3.4:5678`, `[::1]:5678` and `fe80::1%eth0`. */
const withoutPort = (entry: string) =>
  entry
    .trim()
    .replace(/^\[(.*)\](:\w+)?$|^([\d.]+):\w+$/, '$1$3')
    .replace(/%.*/, '')

function parseRange(range: string) {
  const [address = '', prefix] = range.split('/')
  const size = distinctRemoteAddr(address) === 'IPv4' ? 32 : 128
  const bits = toBits(address)
  const length = prefix === undefined ? size : Number(prefix)
  if (bits === null || length > size) {
    throw new Error(`TRUSTED_PROXIES: ${range} is no IP address or CIDR range`)
  }
  const hostBits = BigInt(size - length)
  return { hostBits, network: bits >> hostBits }
}

/**
 * Returns what counts as one client in rate limits: an IPv4 address, or the /64 network of an IPv6 address, within which
 * a client may use as many addresses as it likes.
 */
export function clientNetwork(ip: string): string {
  const bits = toBits(ip)
  if (bits === null) return ip
  return bits >> 32n === 0xffffn ? `v4 ${bits & 0xffff_ffffn}` : `v6 ${bits >> 64n}`
}

const MAPPED_IPV4 = 0xffffn << 32n

/** Returns an address as an IPv6 number; IPv4 in its mapped form, as a dual-stack socket reports it. */
function toBits(address: string): bigint | null {
  try {
    const kind = distinctRemoteAddr(address)
    if (kind === 'IPv4') return MAPPED_IPV4 | convertIPv4ToBinary(address)
    if (kind === 'IPv6') return convertIPv6ToBinary(address)
  } catch {
    // It only looked like an address.
  }
  return null
}
