// Every route of the API in the terminal: method, path, role, what it does. Needs no services.
import { parseArgs } from 'node:util'
import type { Deps } from '../src/account/product.ts'
import { createApp } from '../src/app.ts'
import { loadConfig } from '../src/config.ts'
import { describeRoutes } from '../src/kit/http/doc.ts'
import { columns } from './columns.ts'
import { asUsage, runCommand } from './command.ts'

const USAGE = `Usage: npm run routes [-- --json]
NODE_ENV=production npm run routes shows those of production.`

function readArguments(): { json: boolean } {
  return asUsage(() => parseArgs({ options: { json: { type: 'boolean', default: false } } }).values)
}

/** An app that is only described needs nothing but its settings; where the services are is all the same. */
function listRoutes() {
  const config = loadConfig({
    APP_URL: 'http://localhost',
    ...process.env,
    DATABASE_URL: 'postgres://none',
    MIGRATE_DATABASE_URL: '',
    REDIS_URL: 'redis://none',
  })
  const routes = describeRoutes(createApp({ config } as Deps))
  return routes.map(({ method, path, role, doc }) => ({
    method,
    path,
    role: role ?? null,
    summary: doc?.summary ?? null,
  }))
}

await runCommand(USAGE, async () => {
  const { json } = readArguments()
  const routes = listRoutes()
  const rows = routes.map(({ method, path, role, summary }) => [
    method,
    path,
    role ?? 'anyone',
    summary ?? '',
  ])
  console.log(json ? JSON.stringify(routes, null, 2) : columns(rows))
})
