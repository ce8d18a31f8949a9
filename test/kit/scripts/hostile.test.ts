// The hostile lane, a small part of it: no generated request makes a 5xx, and each can be sent again.
import { expect, test } from 'bun:test'
import { join } from 'node:path'
import { hostileRequest, type Sources } from '../../slow/hostile/requests.ts'

const sources: Sources = {
  routes: [{ method: 'POST', path: '/api/things/:id', inputs: [] }],
  tokens: () => ['a', 'b'],
}

test('a request is made of the seed and its number alone', () => {
  const bytesOf = (seed: number, number: number) =>
    hostileRequest(seed, number, sources).bytes.toString('latin1')
  const first = Array.from({ length: 200 }, (_, number) => bytesOf(7, number))
  expect(Array.from({ length: 200 }, (_, number) => bytesOf(7, number))).toEqual(first)
  expect(new Set(first).size).toBeGreaterThan(190)
  expect(bytesOf(8, 0)).not.toBe(bytesOf(7, 0))
})

test('a thousand of them: no 5xx, no broken error, and the figure is printed', async () => {
  const child = Bun.spawn([process.execPath, 'test/slow/hostile.ts', '--count', '1000', '--seed', '5'], {
    cwd: join(import.meta.dir, '../../..'),
    stdout: 'pipe',
    stderr: 'pipe',
  })
  const [out, err, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited])
  expect({ code, err, out }).toEqual({
    code: 0,
    err: '',
    out: expect.stringContaining(
      '1000 requests, seed 5: 0 answers of 5xx, 0 broken error shapes, 0 other faults',
    ),
  })
})
