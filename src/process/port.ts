// A port that is taken is refused before anything starts: with `reusePort` two services would share it unawares.
import type { Config } from '../config.ts'
import { ConfigError } from '../config.ts'

/** @throws ConfigError that says why the config's address cannot be listened on, and what to do */
export function refuseTakenPort({ host, port }: Config): void {
  try {
    void Bun.serve({ hostname: host, port, fetch: () => new Response() }).stop(true)
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : ''
    throw new ConfigError(explain(code, host, port, error), { cause: error })
  }
}

function explain(code: string, host: string, port: number, error: unknown): string {
  if (code === 'EADDRINUSE') {
    return `Port ${port} is taken by another program. End it, or choose another: PORT=${port + 1} npm start`
  }
  if (code === 'EACCES') return `Port ${port} is not for this user: choose one above 1023 by PORT`
  return `HOST=${host} PORT=${port} cannot be listened on (${code || String(error)})`
}
