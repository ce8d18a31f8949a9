// This product's roles, accounts and settings, as the types of the kit take them, and what follows for its routes.
import type { Config } from '../config.ts'
import { roleGuard } from '../kit/auth/role-guard.ts'
import type { Deps as KitDeps } from '../kit/deps.ts'
import { appFactory } from '../kit/http/factory.ts'
import { findUser, type User } from './queries.ts'
import { roles, type Role } from './roles.ts'

export interface Product {
  Role: Role
  User: User
  Config: Config
}

export type Deps = KitDeps<Config, Role>

/** Makes the app, and the app of each slice. */
export const factory = appFactory<Product>()

/** Lets in sessions of a role or above; the handler finds the account in `c.var.me()`. */
export const requireRole = roleGuard<Product>({ roles, findUser, alwaysReads: 'admin' })
