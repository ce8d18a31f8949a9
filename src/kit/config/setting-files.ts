// Takes settings from files, as Docker and systemd hand out secrets: DATABASE_URL_FILE=/run/secrets/database-url.
import { readFileSync } from 'node:fs'

export type Environment = Record<string, string | undefined>

interface Read {
  /** The environment, with what the files hold in the place of their paths. */
  env: Environment
  /** The variables whose values came from files. */
  fromFiles: string[]
  /** What is wrong with others, by variable. */
  faults: Map<string, string>
}

/** @param variables that may be given by the path of a file, in the variable of that name and `_FILE` */
export function readSettingFiles(given: Environment, variables: Iterable<string>): Read {
  const read: Read = { env: { ...given }, fromFiles: [], faults: new Map() }
  for (const variable of variables) {
    const name = `${variable}_FILE`
    const path = given[name]
    if (!path) continue
    delete read.env[name]
    if (given[variable]) {
      read.faults.set(variable, `${name} is set beside ${variable}: leave one of them out`)
      continue
    }
    try {
      read.env[variable] = readFileSync(path, 'utf8').replace(/\r?\n$/, '')
      read.fromFiles.push(variable)
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error'
      read.faults.set(variable, `${name}=${path} cannot be read: ${code}`)
    }
  }
  return read
}
