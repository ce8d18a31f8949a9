// Every route of the API in the terminal: method, path, role, what it does. Needs no services.
import { parseArgs } from 'node:util'
import type { Deps } from '../src/account/product.ts'
import { createApp } from '../src/app.ts'
import { loadConfig } from '../src/config.ts'
import { describeRoutes } from '../src/kit/http/doc.ts'
import { asUsage, runCommand } from './command.ts'

const USAGE = `Usage: npm run routes [-- --json]
NODE_ENV=production npm run routes shows those of production.`

function readArguments(): { json: boolean } {
  return asUsage(() => parseArgs({ options: { json: { type: 'boolean', default: false } } }).values)
}

/** An app that is only described needs nothing but its settings; where the services are is all the same. */
function listRoutes() {
  const config = loadConfig({
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

function table(rows: string[][]): string {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)))
  return rows
    .map((row) =>
      row
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

await runCommand(USAGE, async () => {
  const { json } = readArguments()
  const routes = listRoutes()
  console.log(
    json
      ? JSON.stringify(routes, null, 2)
      : table(
          routes.map(({ method, path, role, summary }) => [method, path, role ?? 'anyone', summary ?? '']),
        ),
  )
})
