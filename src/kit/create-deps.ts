// Builds the app's dependencies from the config and closes them again: the portable app's only way to the drivers.
import { assembleDeps, type Manifest } from './assemble.ts'
import { developmentKey } from './auth/development-key.ts'
import { createPasswords, passwordGate } from './auth/passwords.ts'
import { createSecrets } from './auth/secrets.ts'
import type { KitConfig } from './config/kit-config.ts'
import { packageFile } from './data/package-file.ts'
import { createLog } from './log/log.ts'
import { createMailer } from './mail/mailer.ts'
import type { LogFields } from './types/log.ts'

/** Opens everything; `close` ends it in order and writes the last lines of the log. `logFd` and `logFields` are what `createLog` takes. */
export function createDeps<Config extends KitConfig, Role extends string, Own extends object>(
  config: Config,
  manifest: Manifest<Role, Config, Own>,
  logFd?: number,
  logFields?: LogFields,
) {
  const log = createLog(config.log, config.name, logFd, logFields)
  const passwords = createPasswords(passwordGate(config.processes.web, config.requestTimeoutMs))
  const { dataDir, production, secretKeys } = config
  const secrets = createSecrets(secretKeys ?? (production ? undefined : () => developmentKey(dataDir)))
  const runtime = { log, passwords, secrets, createMailer, packageFile }
  const { deps, redis, queue, observeQueries, close } = assembleDeps(config, manifest, runtime)
  return {
    deps,
    log,
    redis,
    queue,
    observeQueries,
    async close() {
      await close()
      await log.close()
    },
  }
}
