// Says which names a project can have: npm, Postgres and Node have to live with it.
import { isBuiltin } from 'node:module'
import { UsageError } from '../command.ts'

const NAME = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/
const MAX_LENGTH = 40
const TAKEN_DATABASES = ['postgres', 'template0', 'template1']

export interface Packages {
  dependencies: Record<string, string>
  devDependencies: Record<string, string>
}

/** @throws Error that says why npm, Postgres or Node could not live with the name */
export function refuseBadName(name: string, { dependencies, devDependencies }: Packages): void {
  if (!NAME.test(name) || name.length > MAX_LENGTH) {
    throw new UsageError(
      `"${name}" cannot be the name: it takes lowercase letters, digits and single hyphens, a letter first, ` +
        `at the most ${MAX_LENGTH} characters: my-app`,
    )
  }
  if (isBuiltin(name) || name === 'node-modules')
    throw new Error(`npm does not allow "${name}": Node has a module of it`)
  if (Object.hasOwn({ ...dependencies, ...devDependencies }, name)) {
    throw new Error(`"${name}" is a package that this project depends on: npm does not allow both`)
  }
  if (TAKEN_DATABASES.includes(name)) throw new Error(`"${name}" is a database that Postgres has for itself`)
}
