// The client's address: the connection's own, or what a trusted proxy says of it.
import { convertIPv4ToBinary, convertIPv6ToBinary, distinctRemoteAddr } from 'hono/utils/ipaddr'
import { middleware } from './factory.ts'

/**
 * Sets `c.var.ip`: on a connection from a trusted network what `header` says of the client, which every proxy appends to
 * and so is read from the right. One header only: proxies pass on what a client sends in the others.
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

/** A proxy that writes this withholds its client's address: what stands before may be anything. */
const WITHHELD = /^(unknown|_[\w.-]+)$/i

/** The first from the right that is no proxy of ours. What is no address stands for nobody, and is passed over. */
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
