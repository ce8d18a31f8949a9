// The first calls of a client: they go where the server is, and say so if there is none.
import { expect, test } from 'bun:test'
import { join } from 'node:path'
import { startApp } from './support/harness.ts'
import { freePort } from './kit/support/ports.ts'

const SCRIPT = join(import.meta.dir, 'quick.sh')

test.skipIf(!Bun.which('curl'))('quick.sh goes to PORT, as the server does', async () => {
  const app = await startApp()
  try {
    const child = Bun.spawn(['sh', SCRIPT], {
      env: { PATH: process.env.PATH, PORT: new URL(app.url).port },
      stdout: 'pipe',
      stderr: 'pipe',
    })
    const [out, err, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited])
    expect([code, err]).toEqual([0, ''])
    expect(out).toContain('quick-')
  } finally {
    await app.close()
  }
})

test.skipIf(!Bun.which('curl'))('quick.sh without a server says where it looked for one', async () => {
  const port = String(await freePort())
  const child = Bun.spawn(['sh', SCRIPT], {
    env: { PATH: process.env.PATH, PORT: port },
    stderr: 'pipe',
  })
  const [err, code] = await Promise.all([child.stderr.text(), child.exited])
  expect([code, err]).toEqual([1, expect.stringContaining(`No server answers at http://localhost:${port}. `)])
})
