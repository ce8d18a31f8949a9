// Finds which host of a URL takes writes, for a command.
import postgres from 'postgres'
import { eachHost } from '../src/kit/config/hosts.ts'
import { Hosts } from '../src/kit/data/postgres/hosts.ts'

const CONNECT_TIMEOUT_S = 3
const none = () => {}

/** Returns its URL; a URL of one host as it is. @throws Error that says of each host why not */
export async function findPrimary(url: string): Promise<string> {
  if (eachHost(url).length === 1) return url
  const hosts = new Hosts(url, {
    open: (one) =>
      postgres(one, { max: 1, connect_timeout: CONNECT_TIMEOUT_S, prepare: false, onnotice: none }),
    log: { debug: none, info: none, warn: none, error: none },
  })
  try {
    await hosts.find()
    return hosts.url
  } finally {
    await hosts.close()
  }
}
