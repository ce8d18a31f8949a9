// What the kit is handed of this product when it opens its dependencies: its roles, crons and migrations.
import { entries as migrations } from '../drizzle/meta/_journal.json'
import { roles } from './account/roles.ts'
import { crons } from './crons.ts'

export const manifest = { roles, crons, migrations }
