// In a Cluster a session and what belongs to its user lie on several servers: others come between the steps, and each server has its own pace.
import { expect, test } from 'bun:test'
import { randomUUID } from 'node:crypto'
import { createSessions } from '../../../../src/kit/data/sessions/session-store.ts'
import { digestOf, identityOf, openSessionStore } from '../../support/session-store.ts'

const { options, prefix, redis, keysLike } = openSessionStore()

/** What is held back: the first such command that names this key, if one is named. */
interface Held {
  command: string
  key?: string
  reached: PromiseWithResolvers<void>
  released: PromiseWithResolvers<void>
}
let held: Held[] = []

/** Holds a command back from when it is sent until `released` is resolved. */
function hold(command: string, key?: string): Held {
  const one = { command, ...(key && { key }), reached: gate(), released: gate() }
  held.push(one)
  return one
}
const gate = () => Promise.withResolvers<void>()

/** One server that is asked as a Cluster is. */
const cluster = new Proxy(redis, {
  get(target, name) {
    if (name === 'isCluster') return true
    const value: unknown = Reflect.get(target, name)
    if (typeof value !== 'function') return value
    return (...args: unknown[]) => {
      const run = (): unknown => Reflect.apply(value, target, args)
      const one = held.find(({ command, key = args[0] }) => command === name && key === args[0])
      if (one === undefined) return run()
      held = held.filter((other) => other !== one)
      one.reached.resolve()
      return one.released.promise.then(run)
    }
  },
})
const sessions = createSessions(cluster, options)
const keyOf = (token: string) => `${prefix}s:{${digestOf(token)}}`

/** A session that goes on under a new token, held where that is to be written; `go` lets it, and is the new one. */
async function rotating(userId: string) {
  const token = await sessions.create(identityOf(userId))
  const writing = hold('set')
  const rotated = sessions.rotate(token, {})
  await writing.reached.promise
  const go = async () => {
    writing.released.resolve()
    return (await rotated)?.token ?? ''
  }
  return { token, go }
}

test('all sessions of a user end, one that goes on under a new token among them, whichever server is slow', async () => {
  const userId = randomUUID()
  const { token, go } = await rotating(userId)
  const ending = hold('unlink', keyOf(token))
  const ended = sessions.destroyAllOf(userId)
  await ending.reached.promise
  const next = await go()
  ending.released.resolve()
  await ended
  expect(await sessions.open(next)).toBeNull()
  expect(await keysLike('s:*')).toEqual([])
})

test('a role reaches a session that goes on under a new token, whichever server is slow', async () => {
  const userId = randomUUID()
  const { token, go } = await rotating(userId)
  const reading = hold('get', keyOf(token))
  const changed = sessions.setRole(userId, 'reader')
  await reading.reached.promise
  const next = await go()
  reading.released.resolve()
  await changed
  expect(await sessions.open(next)).toMatchObject({ role: 'reader' })
})

test('a session that begins while all of its user end may live, and the next end finds it', async () => {
  const userId = randomUUID()
  const writing = hold('set')
  const created = sessions.create(identityOf(userId))
  await writing.reached.promise
  await sessions.destroyAllOf(userId)
  writing.released.resolve()
  const token = await created
  expect((await sessions.allOf(userId)).length).toBe((await sessions.open(token)) === null ? 0 : 1)
  await sessions.destroyAllOf(userId)
  expect(await sessions.open(token)).toBeNull()
})

test('a session that goes on under a new token while all others end is known under it', async () => {
  const userId = randomUUID()
  const { token, go } = await rotating(userId)
  await sessions.destroyAllOf(userId, { but: token })
  const next = await go()
  expect((await sessions.allOf(userId)).map(({ id }) => id)).toEqual([sessions.idOf(next) ?? ''])
  await sessions.destroyAllOf(userId)
  expect(await sessions.open(next)).toBeNull()
})
