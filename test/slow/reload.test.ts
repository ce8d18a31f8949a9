// Rolling reloads under a load that never pauses: not one request of many thousands fails.
import { afterEach, expect, test } from 'bun:test'
import { readMigrateReq } from '../../src/kit/process/host.ts'
import { startLoad } from '../kit/support/load.ts'
import { startService, type Service } from '../kit/support/supervised.ts'
import { until } from '../kit/support/until.ts'

const TIMEOUT_MS = 600_000
const RELOADS = 5
const REQUESTS = 50_000
/** Where it is 0, the system resets connections that wait in a listener that closes. */
const migrates = readMigrateReq() === '1'

let service: Service | undefined
afterEach(async () => {
  await service?.close()
  service = undefined
})

test.each([
  ['keep-alive clients', true],
  ['clients that open a connection for each request', false],
])(
  'five reloads in a row under the load of 64 connections: no request fails for %s',
  async (who, keepAlive) => {
    service = await startService({ LOG_LEVEL: 'warn' })
    const load = startLoad(service.url, { connections: 64, keepAlive })
    for (let number = 1; number <= RELOADS; number++) {
      const share = (REQUESTS * number) / (RELOADS + 1)
      await until(`${share} answers`, () => load.answered() >= share, TIMEOUT_MS)
      expect(await service.reload()).toMatchObject({ number, result: 'succeeded' })
    }
    await until(`${REQUESTS} answers`, () => load.answered() >= REQUESTS, TIMEOUT_MS)
    const { ok, failures } = await load.stop()
    const failed = Object.values(failures).reduce((a, b) => a + b, 0)
    process.stderr.write(
      `${RELOADS} reloads, ${who}: ${failed} of ${ok + failed} failed (migrates: ${migrates})\n`,
    )
    if (keepAlive || migrates) expect(failures).toEqual({})
  },
  TIMEOUT_MS,
)
