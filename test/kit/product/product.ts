// The product that the kit's tests stand on: its roles, its settings, and what follows for its routes.
import { setting } from '../../../src/kit/config/setting.ts'
import { defineSettings, type ConfigOf } from '../../../src/kit/config/settings.ts'
import { integer } from '../../../src/kit/config/values.ts'
import type { KitDeps } from '../../../src/kit/deps.ts'
import { appFactory } from '../../../src/kit/http/factory.ts'
import { roleGuard } from '../../../src/kit/auth/guards.ts'
import { createIdempotency } from '../../../src/kit/http/idempotency.ts'
import { findMember, type Member } from './queries.ts'
import { idempotencyKeys, roles, type Role } from './table.ts'

export const PROJECT = { name: 'notebook', version: '7.8.9' }

export const ownSettings = {
  noteLength: setting('NOTE_LENGTH', integer(1, 10_000).default(500), {
    about: 'Characters of a note, at most',
  }),
  echoProcesses: setting('ECHO_PROCESSES', integer(0, 100).default(0), { about: 'Processes that echo' }),
  echoPort: setting('ECHO_PORT', integer(0, 65535).default(0), { about: 'Where they listen' }),
  scribeProcesses: setting('SCRIBE_PROCESSES', integer(0, 100).default(0), {
    about: 'Processes that read the stream',
  }),
}

export const settings = defineSettings(PROJECT, ownSettings)

export const loadConfig = settings.load
export type Config = ConfigOf<typeof settings>

export interface Product {
  Role: Role
  User: Member
  Config: Config
  Own: object
}

export type Deps = KitDeps<Config, Role>

export const factory = appFactory<Product>()

export const requireRole = roleGuard<Product>({
  roles,
  findUser: findMember,
  readsRowFrom: 'owner',
  tooLowStatus: 401,
})

export const { idempotent, deleteExpired } = createIdempotency(idempotencyKeys)
