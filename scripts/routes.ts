// Every route of the API in the terminal: method, path, role, what it does. Needs no services.
import { columns } from './columns.ts'
import { readArguments, runCommand } from './command.ts'
import { describedRoutes } from './described-routes.ts'

const USAGE = `Usage: npm run routes [-- --json]
NODE_ENV=production npm run routes shows those of production.`

const listRoutes = () =>
  describedRoutes(process.env).map(({ method, path, role, doc }) => ({
    method,
    path,
    role: role ?? null,
    summary: doc?.summary ?? null,
  }))

await runCommand(USAGE, async () => {
  const { json } = readArguments({ json: { type: 'boolean' } }).values
  const routes = listRoutes()
  const rows = routes.map(({ method, path, role, summary }) => [
    method,
    path,
    role ?? 'anyone',
    summary ?? '',
  ])
  console.log(json ? JSON.stringify(routes, null, 2) : columns(rows))
})
