// Takes a URL that names several hosts apart: `postgres://user:password@one:5432,two:5432/database`.

/** What stands before the hosts, the hosts, and what follows them. */
const PARTS = /^([a-z+]+:\/\/(?:[^@/?#]*@)?)([^/?#]*)(.*)$/is

/** Returns one URL for each host, in their order; a URL of one host as it is. A port counts for its host alone. */
export function eachHost(url: string): string[] {
  const [, before = '', hosts = '', after = ''] = PARTS.exec(url) ?? []
  return hosts.includes(',') ? hosts.split(',').map((host) => before + host + after) : [url]
}

/** The URL with its first host alone: what is not the host is the same for all. */
export const firstHost = (url: string) => eachHost(url)[0] ?? url

/** Changes all of a URL but its hosts. */
export function changeAround(url: string, change: (ofFirstHost: string) => string): string {
  const [first = url, ...others] = eachHost(url)
  const hosts = others.map((other) => `,${PARTS.exec(other)?.[2]}`).join('')
  return change(first).replace(
    PARTS,
    (_, before: string, host: string, after: string) => before + host + hosts + after,
  )
}
