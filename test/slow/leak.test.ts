// A leak is contained: what grows without end is replaced again and again, and nobody notices.
import { afterEach, expect, test } from 'bun:test'
import { Scoreboard } from '../../src/kit/process/scoreboard.ts'
import { startLoad } from '../kit/support/load.ts'
import { startService, type Service } from '../kit/support/supervised.ts'
import { until } from '../kit/support/until.ts'

const LIMIT_MB = 300
const REPLACEMENTS = 6
/** Some 75 MB a second at most: at full speed it would outrun the boot of any successor. */
const PACE = { connections: 4, pauseMs: 50 }

let service: Service | undefined
afterEach(async () => {
  await service?.close()
  service = undefined
})

test('an endpoint that leaks a megabyte at each call is contained for as long as it is called, and no call fails', async () => {
  service = await startService({ LOG_LEVEL: 'warn', MAX_RSS_MB: String(LIMIT_MB) })
  const first = new Set(service.pids())
  const seen = new Set<number>()
  let worst = 0
  const replaced = () => [...seen].filter((pid) => !first.has(pid)).length
  const load = startLoad(service.url, { ...PACE, path: '/apitest/leak?mb=1' })
  await until(`${REPLACEMENTS} replacements`, () => {
    for (const { pid, board } of service?.processes() ?? []) {
      seen.add(pid)
      worst = Math.max(worst, rssMb(board))
    }
    return replaced() >= REPLACEMENTS
  })
  const { ok, failures } = await load.stop()
  expect(failures).toEqual({})
  process.stderr.write(`${ok} MB leaked, ${replaced()} replacements, at most ${worst} MB in one process\n`)
  // What it leaks while its successor boots comes on top of the limit.
  expect(worst).toBeLessThan(ok / 2)
})

function rssMb(board: string): number {
  try {
    return Math.round(Scoreboard.read(board).rss / 1024 ** 2)
  } catch {
    return 0 // it has just gone
  }
}
