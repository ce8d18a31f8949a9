// Runs a command of `scripts` as a person would, on the services of a test's own.
import { join } from 'node:path'
import { serverEnv } from './services.ts'

const ROOT = join(import.meta.dir, '../../..')

interface Services {
  databaseUrl: string
  redisPrefix: string
}

/** What `npm run <name> -- <args>` prints, and its exit code. `input` is what it reads. */
export async function runCommand(
  name: string,
  args: string[],
  { databaseUrl, redisPrefix }: Services,
  env: Record<string, string> = {},
  input = '',
) {
  const child = Bun.spawn([process.execPath, `scripts/${name}.ts`, ...args], {
    cwd: ROOT,
    env: { ...serverEnv(databaseUrl, redisPrefix), ...env },
    stdin: new Blob([input]),
    stdout: 'pipe',
    stderr: 'pipe',
  })
  const [out, err, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited])
  return { out, err, code }
}
