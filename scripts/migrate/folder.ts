// Where the project's migrations lie.
import { join } from 'node:path'

export const MIGRATIONS_FOLDER = join(import.meta.dir, '../../drizzle')
