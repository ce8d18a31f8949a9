// Reads the settings of the service, at its start and again for each reload, and refuses those that cannot be served.
import { resolve } from 'node:path'
import type { KitConfig } from '../config/kit-config.ts'
import type { ProductSettings } from '../config/settings.ts'
import { ConfigError } from '../types/config-error.ts'
import { folderAsGiven, isEnvironmentOriginal, readEnvironment } from './environment.ts'
import { refuseTakenPort } from './port.ts'
import { readStatus, type Status } from './status.ts'

const START = 'bun --no-orphans --no-env-file src/supervisor.ts'

type Environment = Record<string, string>
type LoadConfig = ProductSettings['load']

export interface Settings {
  config: KitConfig
  /** What `config` was read from. */
  env: Environment
}

export interface FirstSettings extends Settings {
  /** Where the service runs, by the name that was used to come here. */
  folder: string
  /** DATA_DIR, absolute. */
  dataDir: string
  /** The supervisor that runs on the same DATA_DIR. */
  other: Status | undefined
}

/** @throws ConfigError if the service cannot start with them */
export function readFirstSettings(loadConfig: LoadConfig): FirstSettings {
  if (!isEnvironmentOriginal()) {
    throw new ConfigError(
      `The supervisor reads .env afresh at each reload: start it by npm start, or ${START}`,
    )
  }
  const { config, env } = readSettings(loadConfig, process.cwd())
  const folder = folderAsGiven(env.PWD)
  const dataDir = resolve(folder, config.dataDir)
  const other = readStatus(dataDir)
  if (config.processes.web > 0) refuseTakenPort(config, other)
  return { config, env, folder, dataDir, other }
}

/** @param servedPorts ports that the service listens on already @throws ConfigError if it cannot go on with them */
export function readNextSettings(loadConfig: LoadConfig, folder: string, servedPorts: number[]): Settings {
  const settings = readSettings(loadConfig, folder)
  if (!servedPorts.includes(settings.config.port)) refuseTakenPort(settings.config)
  return settings
}

function readSettings(loadConfig: LoadConfig, folder: string): Settings {
  const env = readEnvironment(folder)
  const config = loadConfig(env)
  if (config.port === 0) throw new ConfigError('PORT=0: each process would listen on a port of its own')
  return { config, env }
}
