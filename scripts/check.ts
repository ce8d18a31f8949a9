// `npm run check`: types, imports, lint, format, house rules, settings and lockfile, all of them even if one fails. Exits 1 if any did.
import { join } from 'node:path'
import { findBrokenRules } from './architecture.ts'
import { takeArguments } from './command.ts'
import { findLockfileFaults } from './lockfile.ts'
import { findSettingsFaults } from './settings/reference.ts'
import { runTool } from './tool.ts'
import { findUnresolvedImports } from './unresolved-imports.ts'

const ROOT = join(import.meta.dir, '..')

/** What is wrong, as text to print; empty if nothing is. */
type Check = () => Promise<string> | string

const CHECKS: Record<string, Check> = {
  // What it found is kept: the next run looks at what has changed, and at what stands on that.
  types: () => run('tsc', '-p', '.', '--incremental', '--tsBuildInfoFile', 'node_modules/.cache/types.json'),
  imports: async () => (await findUnresolvedImports(ROOT)).join('\n'),
  lint: () => run('oxlint', '--type-aware', '--deny-warnings'),
  format: async () =>
    (await run('oxfmt', '--check', '.')).replace('Run without `--check` to fix.', 'npm run format mends it.'),
  architecture: () => findBrokenRules(ROOT).join('\n'),
  settings: () => findSettingsFaults(ROOT).join('\n'),
  lockfile: () => findLockfileFaults(ROOT).join('\n'),
}

const run = (tool: string, ...options: string[]): Promise<string> =>
  runTool(ROOT, tool, options).then(
    () => '',
    (error: Error) => error.message,
  )

/** A check that cannot run has failed, and hides none of the others. */
async function report(name: string, check: Check): Promise<boolean> {
  const start = performance.now()
  const found = await Promise.try(check).catch((error: unknown) => Bun.inspect(error))
  const seconds = ((performance.now() - start) / 1000).toFixed(1)
  console.log(`${name.padEnd(14)}${found === '' ? 'ok' : 'FAILED'}  ${seconds} s`)
  if (found !== '') console.log(`${found.replaceAll(/^(?=.)/gm, '  ')}\n`)
  return found === ''
}

takeArguments(`Usage: npm run check   runs ${Object.keys(CHECKS).join(', ')}; all of them`, {})
console.log('All at once; types and lint take the longest, the first time a minute or two.\n')
const kept = await Promise.all(Object.entries(CHECKS).map(([name, check]) => report(name, check)))
process.exitCode = kept.every(Boolean) ? 0 : 1
