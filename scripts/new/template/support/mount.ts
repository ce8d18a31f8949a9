// The app under test with slices that no migration knows: with their routes, and with their tables.
import { generateDrizzleJson, generateMigration } from 'drizzle-kit/api'
import { withExclusions } from '../../../generate/exclusions.ts'
import { manifest } from '../../../../src/manifest.ts'
import { tasks } from '../../../../src/tasks.ts'
import { startWorkerOf } from '../../../../test/kit/support/worker-of.ts'
import { startApp, type TestApp } from '../../../../test/support/harness.ts'
import { schema } from '../../../../test/support/worker.ts'

/** @param routes by the path of each */
export async function startWith(tables: object, routes: Record<string, object>): Promise<TestApp> {
  const app = await startApp()
  for (const [path, slice] of Object.entries(routes)) app.app.route(path, slice as never)
  const none = generateDrizzleJson({})
  const statements = await generateMigration(none, generateDrizzleJson({ ...tables }))
  for (const statement of statements) await app.deps.db.execute(withExclusions(statement, none))
  return app
}

/** A worker for such an app. */
export const startWorkerWith = (tables: object, app: TestApp) =>
  startWorkerOf(app, manifest, tasks, { schema: { ...schema, ...tables } })
