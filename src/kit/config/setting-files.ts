// Takes settings from files, as Docker and systemd hand out secrets: DATABASE_URL_FILE=/run/secrets/database-url.
import { readFileSync } from 'node:fs'
import { ConfigError } from '../types/config-error.ts'

export type Environment = Record<string, string | undefined>

/**
 * Returns the environment with what files hold in the place of their paths, and the variables that came so.
 * @param variables that may be given by a file, which is named by the same variable and `_FILE`
 * @throws ConfigError for each file that cannot be read, or whose variable is set, too
 */
export function readSettingFiles(given: Environment, variables: Iterable<string>) {
  const env = { ...given }
  const fromFiles: string[] = []
  const faults: string[] = []
  for (const variable of variables) {
    const name = `${variable}_FILE`
    const path = given[name]
    if (!path) continue
    if (given[variable]) faults.push(`${name} is set beside ${variable}: leave one of them out`)
    try {
      env[variable] = readFileSync(path, 'utf8').replace(/\r?\n$/, '')
      delete env[name]
      fromFiles.push(variable)
    } catch (error) {
      faults.push(`${name}=${path} cannot be read: ${(error as NodeJS.ErrnoException).code}`)
    }
  }
  if (faults.length > 0) throw new ConfigError(`Bad settings:\n  ${faults.join('\n  ')}`)
  return { env, fromFiles }
}
