// The client's address: the connection's own, or what a trusted proxy says of it.
import { convertIPv4ToBinary, convertIPv6ToBinary, distinctRemoteAddr } from 'hono/utils/ipaddr'
import { factory } from './factory.ts'

/**
 * Sets `c.var.ip`. X-Real-IP and X-Forwarded-For count only on a connection from a trusted network.
 * X-Real-IP wins: nginx's `$proxy_add_x_forwarded_for` keeps entries that a client forged, at the front.
 */
export function clientIp(trustedProxies: readonly string[]) {
  const trusted = trustedNetworks(trustedProxies)
  return factory.createMiddleware((c, next) => {
    const peer = c.env?.remoteAddress ?? 'unknown'
    const isProxied = trusted(peer)
    const forwarded = isProxied
      ? withoutPort(c.req.header('x-real-ip') ?? lastUntrusted(c.req.header('x-forwarded-for'), trusted))
      : undefined
    c.set('ip', forwarded !== undefined && toBits(forwarded) !== null ? forwarded : peer)
    return next()
  })
}

type IsTrusted = (address: string) => boolean

/** True for an address inside any of the networks (addresses or CIDR ranges). */
export function trustedNetworks(networks: readonly string[]): IsTrusted {
  const ranges = networks.map(parseRange)
  return (address) => {
    if (ranges.length === 0) return false
    const bits = toBits(address)
    return bits !== null && ranges.some((r) => bits >> r.hostBits === r.network)
  }
}

// The proxies append: read from the right, the first that is no proxy of ours is the client.
function lastUntrusted(header: string | undefined, trusted: IsTrusted): string | undefined {
  const entries = (header ?? '').split(',').map((entry) => withoutPort(entry) ?? '')
  return entries.findLast((entry) => entry !== '' && !trusted(entry))
}

/** Some proxies write `1.2.3.4:5678` and `[::1]:5678`. */
const withoutPort = (entry: string | undefined) =>
  entry?.trim().replace(/^\[(.*)\](:\d+)?$|^([\d.]+):\d+$/, '$1$3')

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
 * What stands for one client where clients are counted: an IPv4 address, or the /64 network of an IPv6 address,
 * within which anyone may have as many addresses as he likes.
 */
export function clientNetwork(ip: string): string {
  const bits = toBits(ip)
  if (bits === null) return ip
  return bits >> 32n === 0xffffn ? `v4 ${bits & 0xffff_ffffn}` : `v6 ${bits >> 64n}`
}

const MAPPED_IPV4 = 0xffffn << 32n

/** Every address as an IPv6 number; IPv4 in its mapped form, as a dual-stack socket reports it. */
function toBits(address: string): bigint | null {
  try {
    const kind = distinctRemoteAddr(address)
    if (kind === 'IPv4') return MAPPED_IPV4 | convertIPv4ToBinary(address)
    if (kind === 'IPv6') return convertIPv6ToBinary(address)
  } catch {
    // Not an address after all.
  }
  return null
}
