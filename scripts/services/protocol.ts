// What the keeper of the embedded services and the process that starts it tell each other.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { attempt } from '../../src/kit/types/attempt.ts'

export interface KeeperOptions {
  /** Absolute. */
  dataDir: string
  postgres: boolean
  /** `any`: a server of this machine if there is one; `embedded`: never that one. */
  redis: 'any' | 'embedded' | false
  /** The data is deleted at the end and need not survive a crash. */
  scratch: boolean
}

/** Where the services of a data directory answer; `pid` is their keeper. */
export interface Coordinates {
  databaseUrl?: string
  redisUrl?: string
  pid: number
}

export type KeeperMessage =
  | ({ is: 'ready'; about: string[]; pids: number[] } & Coordinates)
  | { is: 'busy' } // another keeper has the directory
  | { is: 'failed'; reason: string }

/** The file that tells other commands of the checkout where running services are. It holds passwords. */
export const servicesFile = (dataDir: string) => join(dataDir, 'services.json')

/** Undefined if there is none. That it is there does not mean that they still run. */
export const readServicesFile = (dataDir: string) =>
  attempt(() => JSON.parse(readFileSync(servicesFile(dataDir), 'utf8')) as Coordinates)
