// Builds the app's dependencies from the config and closes them again: the portable app's only way to the drivers.
import { assembleDeps, type Manifest } from './assemble.ts'
import { developmentKey } from './auth/development-key.ts'
import { createPasswords, passwordGate } from './auth/passwords.ts'
import { createSecrets } from './auth/secrets.ts'
import type { KitConfig } from './config/kit-config.ts'
import type { Gate } from './data/gate.ts'
import type { QueryObserver } from './data/query-observer.ts'
import type { StaleTarget } from './data/replicas.ts'
import { createLog } from './log/log.ts'
import { createMailer } from './mail/mailer.ts'
import type { LogFields } from './types/log.ts'

/** What the metrics of a process tell of. */
export interface Watched {
  observeQueries: (observer: QueryObserver) => void
  /** Where work waits for its place, by name. */
  gates: Map<string, Gate>
  /** Where reads that may be stale went; absent without replicas. */
  staleStats?: (() => StaleTarget[]) | undefined
}

/** Opens everything; `close` ends it in order and writes the last lines of the log. `logFd` and `logFields` are what `createLog` takes. */
export function createDeps<Config extends KitConfig, Role extends string, Own extends object>(
  config: Config,
  manifest: Manifest<Role, Config, Own>,
  logFd?: number,
  logFields?: LogFields,
) {
  const log = createLog(config.log, config.name, logFd, logFields)
  const hashing = passwordGate(config.processes.web, config.requestTimeoutMs)
  const passwords = createPasswords(hashing)
  const { dataDir, production, secretKeys } = config
  const secrets = createSecrets(secretKeys ?? (production ? undefined : () => developmentKey(dataDir)))
  const runtime = { log, passwords, secrets, createMailer }
  const { deps, redis, queue, observeQueries, gates, staleStats, close } = assembleDeps(
    config,
    manifest,
    runtime,
  )
  const watched: Watched = { observeQueries, gates: gates.set('passwords', hashing), staleStats }
  return {
    deps,
    log,
    redis,
    queue,
    observeQueries,
    watched,
    async close() {
      await close()
      await log.close()
    },
  }
}
