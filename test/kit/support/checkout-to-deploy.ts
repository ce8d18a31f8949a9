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
    deploy: (...words: string[]) => deploy(copy, words),
    /** Presses Ctrl-C as soon as it has said this. */
    deployUntil: (what: RegExp, ...words: string[]) => deploy(copy, words, what),

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

async function deploy(folder: string, words: string[], until?: RegExp) {
  const started = performance.now()
  const child = Bun.spawn([process.execPath, 'scripts/deploy.ts', ...words], {
    cwd: folder,
    env: { ...process.env, NODE_ENV: '' },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  let [out, isPressed] = ['', false]
  const read = async () => {
    for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) {
      out += chunk
      if (isPressed || !until?.test(out)) continue
      isPressed = true
      process.kill(-child.pid, 'SIGINT') // as a terminal does: everything that runs in the foreground gets it
    }
  }
  const [err, code] = await Promise.all([child.stderr.text(), child.exited, read()])
  return { code, said: out + err, seconds: (performance.now() - started) / 1000 }
}
