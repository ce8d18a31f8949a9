// Decides which addresses the service may be sent to by a URL of somebody else: those of the public internet, and no other.
import { BlockList, isIP } from 'node:net'

/** What IANA's registries do not call globally reachable, and what leads back to a host of one's own. */
const V4 =
  '0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24 192.31.196.0/24 ' +
  '192.52.193.0/24 192.88.99.0/24 192.168.0.0/16 192.175.48.0/24 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/3 ' +
  '168.63.129.16/32' // Azure's own services to its machines
/**
 * Of what is given out, `2000::/3`: special ones with Teredo, documentation, 6to4. All else is refused by not being in it: `::1`,
 * mapped and compatible addresses, NAT64, unique local, link-local, multicast.
 */
const V6 = '2001::/23 2001:db8::/32 2002::/16 3fff::/20'

const listOf = (ranges: string, family: 'ipv4' | 'ipv6') => {
  const list = new BlockList()
  for (const [net = '', bits] of ranges.split(' ').map((range) => range.split('/')))
    list.addSubnet(net, Number(bits), family)
  return list
}
const refusedV4 = listOf(V4, 'ipv4')
const refusedV6 = listOf(V6, 'ipv6')
const global = listOf('2000::/3', 'ipv6')

/** @param address as a resolver answers it; whatever is none, or has a zone, is not public */
export function isPublicAddress(address: string): boolean {
  if (isIP(address) === 4) return !refusedV4.check(address, 'ipv4')
  if (isIP(address) !== 6 || address.includes('%') || address.includes('.')) return false
  return global.check(address, 'ipv6') && !refusedV6.check(address, 'ipv6')
}
