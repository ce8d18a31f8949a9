// Checks where the service listens. A taken port is refused before anything starts: with `reusePort` two services would
// share it without noticing.
import type { KitConfig } from '../config/kit-config.ts'
import { ConfigError } from '../types/config-error.ts'
import { holderOf } from './port-holder.ts'
import type { Status } from './status.ts'

type Supervisor = Pick<Status, 'pid' | 'port'>

/** The addresses that HOST stands for: `localhost` is both loopbacks, since one program tries this first and one that. */
export const addressesOf = (host: string): string[] => (host === 'localhost' ? ['127.0.0.1', '::1'] : [host])

/**
 * Listens on each of the addresses that exist on this machine, and returns what `listen` made of them.
 * @throws what `listen` throws for any other reason, and if none of the addresses exists
 */
export function listenOnEach<T extends { stop(firmly: boolean): unknown }>(
  host: string,
  listen: (address: string, first: T | undefined) => T,
): [T, ...T[]] {
  const made: T[] = []
  let missing: unknown
  for (const address of addressesOf(host)) {
    try {
      made.push(listen(address, made[0]))
    } catch (error) {
      missing = error
      if (ABSENT.has(codeOf(error))) continue
      for (const listener of made) void listener.stop(true)
      throw error
    }
  }
  const [first, ...others] = made
  if (first === undefined) throw missing
  return [first, ...others]
}

/** What a machine without IPv6 says of ::1. */
const ABSENT = new Set(['EADDRNOTAVAIL', 'EAFNOSUPPORT'])

/**
 * @param own the supervisor that runs on this folder's DATA_DIR: it may be what listens there
 * @throws ConfigError that says why the config's address cannot be listened on, and what to do
 */
export function refuseTakenPort({ host, port }: Pick<KitConfig, 'host' | 'port'>, own?: Supervisor): void {
  try {
    const listen = (hostname: string) => Bun.serve({ hostname, port, fetch: () => new Response() })
    for (const listener of listenOnEach(host, listen)) void listener.stop(true)
  } catch (error) {
    const isOwn = codeOf(error) === 'EADDRINUSE' && own?.port === port
    const why = isOwn ? explainOwn(own) : explain(codeOf(error), host, port, error)
    throw new ConfigError(why, { cause: error })
  }
}

export const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error ? String(error.code) : ''

const explainOwn = ({ pid, port }: Supervisor) =>
  `Port ${port} is taken by this folder's own supervisor, process ${pid}: \`npm run status\` shows it, ` +
  '`npm run reload` lets it take up new code and settings'

function explain(code: string, host: string, port: number, error: unknown): string {
  if (code === 'EADDRINUSE') {
    return `Port ${port} is taken by ${holderOf(port) ?? 'another program'}. End it, or choose another: PORT=${port + 1} npm start`
  }
  if (code === 'EACCES') return `Port ${port} is not for this user: choose one above 1023 by PORT`
  return `HOST=${host} PORT=${port} cannot be listened on (${code || String(error)})`
}
