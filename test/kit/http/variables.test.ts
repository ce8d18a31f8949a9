// What a handler finds in `c.var`: the dependencies, and what this request has set.
import { expect, test } from 'bun:test'
import type { Deps } from '../product/product.ts'
import type { Log } from '../../../src/kit/types/log.ts'
import { factory } from '../product/product.ts'
import { injectDeps } from '../../../src/kit/http/inject-deps.ts'

const named = (name: string) => ({ name }) as unknown as Log
const nameOf = (log: Log) => (log as unknown as { name: string }).name
const deps = { startedAt: 7, log: named('ours') } as Deps

test('both ways of asking give the dependencies and what was set, also after the first look', async () => {
  const app = factory
    .createApp()
    .use(injectDeps(deps))
    .get('/', (c) => {
      const { ip: before } = c.var
      c.set('ip', '192.0.2.7')
      return c.json({
        before: before ?? null,
        var: [c.var.startedAt, c.var.ip],
        get: [c.get('startedAt'), c.get('ip')],
      })
    })
  expect(await (await app.request('/')).json()).toEqual({
    before: null,
    var: [7, '192.0.2.7'],
    get: [7, '192.0.2.7'],
  })
})

test('what a request sets, in place of a dependency too, no other request sees', async () => {
  const app = factory
    .createApp()
    .use(injectDeps(deps))
    .get('/set', async (c) => {
      c.set('log', named('mine'))
      c.set('ip', '192.0.2.7')
      await Promise.resolve()
      return c.text(nameOf(c.var.log))
    })
    .get('/look', (c) => c.json([nameOf(c.var.log), c.var.ip ?? null]))
  const [set, look] = await Promise.all([app.request('/set'), app.request('/look')])
  expect(await set.text()).toBe('mine')
  expect(await look.json()).toEqual(['ours', null])
  expect(nameOf(deps.log)).toBe('ours')
})
