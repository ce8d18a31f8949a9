// A git checkout of what would be shipped from here, which a test may change and deploy.
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { filesToShip } from '../../../scripts/deploy/checkout.ts'

const ROOT = join(import.meta.dir, '../../..')

export type DeployCheckout = ReturnType<typeof checkoutToDeploy>

/** A git checkout of its own, of what would be shipped from here. */
export function checkoutToDeploy() {
  const copy = mkdtempSync(join(tmpdir(), 'restbun-checkout-'))
  for (const path of filesToShip()) {
    mkdirSync(dirname(join(copy, path)), { recursive: true })
    cpSync(join(ROOT, path), join(copy, path))
  }
  symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'))
  for (const command of [
    'init --quiet',
    'config user.name Ann',
    'config user.email ann@example.com',
    'add --all -- :!node_modules',
    'commit --quiet --message first',
  ]) {
    const { exitCode, stderr } = Bun.spawnSync(['git', ...command.split(' ')], { cwd: copy })
    if (exitCode !== 0) throw new Error(stderr.toString())
  }
  writeFileSync(join(copy, '.git/info/exclude'), 'node_modules\n')
  return {
    folder: copy,

    /** Runs `npm run deploy` in it. */
    async deploy(...words: string[]) {
      const started = performance.now()
      const child = Bun.spawn([process.execPath, 'scripts/deploy.ts', ...words], {
        cwd: copy,
        env: { ...process.env, NODE_ENV: '' },
        stdio: ['ignore', 'pipe', 'pipe'],
      })
      const [out, err, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited])
      return { code, said: out + err, seconds: (performance.now() - started) / 1000 }
    },

    /** @throws if the file does not hold `from` */
    change(path: string, from: string, to: string): void {
      const file = join(copy, path)
      const text = readFileSync(file, 'utf8')
      if (!text.includes(from)) throw new Error(`${path} has no ${from}`)
      writeFileSync(file, text.replace(from, to))
    },

    remove: () => rmSync(copy, { recursive: true }),
  }
}
