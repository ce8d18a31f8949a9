// The input of a task changes while its jobs wait: what older releases enqueued runs, and what newer ones did is left to them.
import { expect, test } from 'bun:test'
import { z } from 'zod'
import { createTimer, defineCron } from '../../../src/kit/jobs/cron.ts'
import { upgradeFrom } from '../../../src/kit/jobs/input.ts'
import { defineTask } from '../../../src/kit/jobs/task.ts'
import { until } from '../support/until.ts'
import { inRoom } from './room.ts'

const First = z.object({ user: z.string() })
const Second = z.object({ userId: z.string().min(1) })
const Third = z.object({ userId: z.string(), format: z.enum(['pdf', 'csv']) })

const toSecond = upgradeFrom(First, ({ user }) => ({ userId: user }))
const toThird = upgradeFrom(Second, ({ userId }) => ({ userId, format: 'pdf' as const }), toSecond)

/** The task of three releases, and what the last one was given. */
function releases() {
  const ran: unknown[] = []
  const run = (input: unknown) => void ran.push(input)
  const common = { name: 'report', attempts: 1, run }
  const first = defineTask({ ...common, input: First })
  const second = defineTask({ ...common, input: Second, upgrade: toSecond })
  const third = defineTask({ ...common, input: Third, upgrade: toThird })
  return { ran, first, second, third }
}

test(
  'what older releases enqueued runs with the input of this one: waiting, delayed, dead and retried, and from a cron',
  inRoom(async (room) => {
    const { ran, first, second, third } = releases()
    await room.queue.enqueue(first, { user: 'waiting' })
    await room.queue.enqueue(second, { userId: 'two' })
    await room.queue.enqueue(first, { user: 'delayed' }, { delayMs: 100 })
    // As the outbox keeps it, and as another program may push it.
    const kept: unknown = JSON.parse(JSON.stringify(room.queue.prepare(first, { user: 'outbox' })))
    await room.queue.send(kept as ReturnType<typeof room.queue.prepare>)
    await room.redis.rpush(`${room.base}queue`, '{"id":"x","task":"report","data":{"user":"foreign"}}')
    const dead = '{"id":"d","task":"report","data":{"user":"dead"},"n":1,"error":"Error: no"}'
    await room.redis.lpush(`${room.base}dead`, dead)
    const cron = defineCron({ name: 'old', schedule: '* * * * *', task: first, input: { user: 'cron' } })
    await room.queue.send(cron.prepare('now'))
    await room.queueAdmin.retry('all')

    await room.worker([third])
    await room.idle()
    const names = ['waiting', 'two', 'delayed', 'outbox', 'foreign', 'dead', 'cron']
    expect(new Set(ran)).toEqual(new Set(names.map((userId) => ({ userId, format: 'pdf' }))))
    expect(ran).toHaveLength(names.length)
  }),
)

test(
  'the version goes with the job, out of sight: through retries and death, and as another program may say it',
  inRoom(async (room) => {
    const seen: unknown[] = []
    const { third } = releases()
    const task = {
      ...third,
      attempts: 2,
      backoff: { minMs: 1, maxMs: 1 },
      keepResultMs: 60_000,
      execute: (...[data, job, , version]: Parameters<typeof third.execute>) => {
        seen.push([data, version])
        return Promise.reject(new Error(job.id))
      },
    }
    const data = { userId: 'a', format: 'csv' as const }
    const { id } = await room.queue.enqueue(task, data)
    // A process that knows no versions takes it for a job of a task that it does not have, and puts it off.
    expect(await room.redis.lindex(`${room.base}queue`, 0)).toContain('"task":"report@2"')
    await room.redis.rpush(`${room.base}queue`, '{"id":"x","task":"report@1","data":{"userId":"b"}}')
    await room.worker([task], { concurrency: 1 })
    await room.idle()
    expect(seen.toSorted()).toEqual(
      [
        [data, 2],
        [data, 2],
        [{ userId: 'b' }, 1],
        [{ userId: 'b' }, 1],
      ].toSorted(),
    )
    const dead = await room.redis.lrange(`${room.base}dead`, 0, -1)
    expect(dead.map((raw) => JSON.parse(raw).task).toSorted()).toEqual(['report@1', 'report@2'])
    await room.queueAdmin.retry('all')
    await room.idle()
    expect(seen).toHaveLength(8)
    expect(await room.queueAdmin.status(id)).toMatchObject({ task: 'report', state: 'failed' })
    expect((await room.queueAdmin.show(id))?.task).toBe('report')
    expect(room.said('last time').every(({ fields }) => fields.task === 'report')).toBe(true)
  }),
)

test('steps that do not fit together do not compile', () => {
  const run = () => {}
  // @ts-expect-error: it leads to the second input, and the task has the third
  defineTask({ name: 'short', input: Third, upgrade: toSecond, run })
  // @ts-expect-error: what comes before makes another input than this step takes
  upgradeFrom(Third, ({ userId }) => ({ userId }), toSecond)
  // @ts-expect-error: the older input has no such field
  upgradeFrom(First, ({ name }) => ({ name }))
  expect([toSecond.version, toThird.version]).toEqual([1, 2])
})

test(
  'the newest input is taken as it is, though an older schema would fit it',
  inRoom(async (room) => {
    const ran: unknown[] = []
    const Wait = z.object({ wait: z.number() })
    const inMs = upgradeFrom(Wait, ({ wait }) => ({ wait: wait * 1000 }))
    const seconds = defineTask({ name: 'wait', input: Wait, run: () => {} })
    const ms = defineTask({ name: 'wait', input: Wait, upgrade: inMs, run: (input) => void ran.push(input) })
    await room.queue.enqueue(seconds, { wait: 5 })
    await room.queue.enqueue(ms, { wait: 5 })
    const run = createTimer(
      room.redis,
      room.base,
      [defineCron({ name: 'c', schedule: '* * * * *', task: ms, input: { wait: 7 } })],
      room.log,
    )
    await run(Date.parse('2030-01-01T00:00:30Z'))
    await run(Date.parse('2030-01-01T00:01:00Z'))
    await room.worker([ms], { concurrency: 1 })
    await room.idle()
    expect(ran).toEqual([{ wait: 5000 }, { wait: 5 }, { wait: 7 }])
  }),
)

test.each<[what: string, data: unknown, fault: string]>([
  ['the first input', { nobody: 1 }, 'user'],
  ['an input that a step refuses', { user: '' }, 'userId'],
])('an older job that does not fit is refused by name: %s', (_what, data, fault) =>
  inRoom(async (room) => {
    const { ran, third } = releases()
    await room.redis.rpush(`${room.base}queue`, JSON.stringify({ id: 'x', task: 'report', data }))
    await room.worker([third])
    await room.idle()
    const [dead] = await room.queueAdmin.list('dead')
    expect(dead?.error).toContain(`InputError: task "report" refuses its input: ${fault}: `)
    expect(ran).toEqual([])
  })(),
)

test(
  'a job does not die because an older process met it: it waits, at no attempt, for one that knows its input',
  inRoom(async (room) => {
    const { ran, first, third } = releases()
    const { id } = await room.queue.enqueue(third, { userId: 'new', format: 'csv' })
    const old = await room.worker([first])
    await until('it to be put off', async () => (await room.ids('later'))[0] === id)
    await old.stop()
    expect(room.said('whose input a newer release enqueued')[0]?.fields).toMatchObject({ job: id })
    expect(await room.queueAdmin.retry({ id })).toBe(1)
    await room.worker([third])
    await room.idle()
    expect(ran).toEqual([{ userId: 'new', format: 'csv' }])
    expect(room.said('failed')).toEqual([])
  }),
)
