// Gathers what the kit needs of this product to open its dependencies: its roles, crons and migrations.
import { entries as migrations } from '../drizzle/meta/_journal.json'
import { roles } from './account/roles.ts'
import { crons } from './crons.ts'

export const manifest = { roles, crons, migrations }
