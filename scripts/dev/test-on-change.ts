// `npm run dev -- --test`: after an edit, runs the tests that import what is not committed; one run at a time.
import { watch } from 'node:fs'
import { join } from 'node:path'

const ROOT = join(import.meta.dir, '../..')
const TEST = [process.execPath, join(ROOT, 'scripts/test.ts'), '--changed']

/** An editor writes a file in several steps. */
const QUIET_MS = 300

/** Watches until this process ends, and a run with it. @param options for tests */
export function testOnChange({ folders = ['src', 'test'], command = TEST, root = ROOT } = {}) {
  let timer: ReturnType<typeof setTimeout> | undefined
  let running: Bun.Subprocess | undefined
  let isAsked = false
  async function run(): Promise<void> {
    isAsked = running !== undefined
    if (isAsked) return
    running = Bun.spawn(command, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] })
    await running.exited
    running = undefined
    if (isAsked) await run()
  }
  const watchers = folders.map((folder) =>
    watch(join(root, folder), { recursive: true }, (_event, path) => {
      if (!/\.(tsx?|json|sql)$/.test(path ?? '')) return
      clearTimeout(timer)
      timer = setTimeout(() => void run(), QUIET_MS)
    }),
  )
  const close = () => {
    clearTimeout(timer)
    isAsked = false
    for (const watcher of watchers) watcher.close()
    running?.kill('SIGTERM')
  }
  process.once('exit', close)
  return { close }
}
