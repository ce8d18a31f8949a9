// Who holds a taken port is named, with what ends it.
import { expect, test } from 'bun:test'
import { refuseTakenPort } from '../../../src/kit/process/port.ts'
import { freePort } from '../support/ports.ts'
import { byLsof, holderOf } from '../../../src/kit/process/port-holder.ts'

test.each(['127.0.0.1', '::1'])(
  'the program that listens on %s is named with its process',
  async (hostname) => {
    const port = await freePort()
    const taken = Bun.serve({ port, hostname, fetch: () => new Response() })
    try {
      expect(holderOf(port)).toMatch(new RegExp(`^\\S.* \\(process ${process.pid}\\)$`))
      expect(() => refuseTakenPort({ host: hostname, port })).toThrow(
        new RegExp(`^Port ${port} is taken by .+ \\(process ${process.pid}\\)\\. End it`),
      )
      if (Bun.which('lsof')) expect(byLsof(port)).toEndWith(` (process ${process.pid})`)
    } finally {
      await taken.stop(true)
    }
    expect(holderOf(port)).toBeUndefined()
  },
)
