// Processes that reach a limit are replaced: without a failed request, and not all at once.
import { afterEach, expect, test } from 'bun:test'
import { A_WHILE, startLoad } from '../support/load.ts'
import { startService, type Service } from '../support/supervised.ts'
import { until } from '../support/until.ts'

let service: Service | undefined
afterEach(async () => {
  await service?.close()
  service = undefined
})

test.each([
  ['MAX_REQUESTS', { MAX_REQUESTS: '200' }, /MAX_REQUESTS, after \d+ requests/],
  ['MAX_LIFETIME_S', { MAX_LIFETIME_S: '3' }, /MAX_LIFETIME_S, after \d+ s/],
  ['MAX_RSS_MB', { MAX_RSS_MB: '250' }, /MAX_RSS_MB, at \d+ MB/],
])(
  '%s: a process past it is replaced by one that is ready, one after the other, and no request fails',
  async (name, env, reason) => {
    service = await startService(env)
    const { pids, lines } = service
    const before = pids()
    const load = startLoad(service.url, { connections: 8, path: A_WHILE })
    const leaks =
      name === 'MAX_RSS_MB'
        ? startLoad(service.url, { connections: 8, path: '/apitest/leak?mb=1', pauseMs: 20 })
        : undefined
    await until('both to be replaced', () => !pids().some((pid) => before.includes(pid)))
    await leaks?.stop()
    expect((await load.stop()).failures).toEqual({})
    const told = await until('the log', () => {
      const steps = lines('').filter(({ msg }) => /retires|is gone/.test(msg))
      return steps.length >= 3 ? steps.map(({ msg }) => msg) : undefined
    })
    expect(told.find((msg) => msg.includes('retires'))).toMatch(reason)
    // Who retires is gone before the next one does.
    const steps = told.flatMap((msg) => /retires|is gone/.exec(msg)?.[0] ?? [])
    expect(steps.slice(0, 3)).toEqual(['retires', 'is gone', 'retires'])
  },
)
