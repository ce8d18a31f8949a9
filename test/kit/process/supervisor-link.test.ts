// How a process asks the supervisor of its machine: only one that keeps its status in DATA_DIR, and is one.
import { expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { linkSupervisor } from '../../../src/kit/process/supervisor-link.ts'

test('a reload reaches the supervisor of the folder, and no process that has its number by chance', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'link-'))
  const script = join(folder, 'supervisor.ts')
  writeFileSync(
    script,
    "process.on('SIGHUP', () => process.exit(42)); console.log('up'); setInterval(() => {}, 1000)",
  )
  const stranger = Bun.spawn(['sleep', '60'])
  const supervisor = Bun.spawn([process.execPath, script], { stdout: 'pipe' })
  try {
    const { status, reload } = linkSupervisor(folder)
    expect([status(), reload()]).toEqual([undefined, false])
    await supervisor.stdout.getReader().read()
    const write = (pid: number) => {
      const gone = {
        name: 'server 1',
        pid: 1,
        state: 'ready',
        startedAt: 1,
        restarts: 0,
        lastReason: '',
        board: 'none',
      }
      writeFileSync(join(folder, 'supervisor.json'), JSON.stringify({ pid, processes: [gone] }))
    }
    write(stranger.pid)
    expect(reload()).toBe(false)
    write(supervisor.pid)
    expect(status()?.processes).toMatchObject([{ name: 'server 1', requests: 0 }])
    expect(reload()).toBe(true)
    expect(await supervisor.exited).toBe(42)
    expect([status(), reload(), stranger.exitCode]).toEqual([undefined, false, null])
  } finally {
    supervisor.kill(9)
    stranger.kill()
    await stranger.exited
    rmSync(folder, { recursive: true })
  }
})
