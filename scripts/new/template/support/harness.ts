// The app under test with the template mounted on it, and with its table, which no migration has.
import { generateDrizzleJson, generateMigration } from 'drizzle-kit/api'
import { startApp as startProject, type TestApp } from '../../../../test/support/harness.ts'
import { toyCars } from '../routes.ts'
import * as table from '../table.ts'

export type { TestApp }

export async function startApp(): Promise<TestApp> {
  const app = await startProject()
  app.app.route('/api/toy-cars', toyCars)
  const statements = await generateMigration(generateDrizzleJson({}), generateDrizzleJson(table))
  for (const statement of statements) await app.deps.db.execute(statement)
  return app
}
