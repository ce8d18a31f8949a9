// What the hook for unforeseen errors hears of jobs, and the trace that a job carries.
import { expect, test } from 'bun:test'
import { currentTrace } from '../../../src/kit/log/trace.ts'
import { defineTask, JobError } from '../../../src/kit/jobs/task.ts'
import { backoff, inRoom, Text } from './room.ts'
import { until } from '../support/until.ts'

const TRACE = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01 vendor=1'

test(
  'each attempt that fails unforeseen is reported, one that was declared only when it is the last',
  inRoom(async (room) => {
    const told: unknown[] = []
    const report = async (error: unknown, context: object) => void told.push([String(error), context])
    const task = (name: string, error: Error) =>
      defineTask({ name, input: Text, attempts: 2, backoff, run: () => Promise.reject(error) })
    const [odd, declared] = [task('odd', new Error('odd')), task('declared', new JobError('declared'))]
    await room.worker([odd, declared], { report })
    const { id } = await room.queue.enqueue(odd, { text: 'x' }, { trace: TRACE })
    await room.queue.enqueue(declared, { text: 'x' })
    await until('both to be dead', async () => (await room.ids('dead')).length === 2)
    const of = (name: string) => told.filter((one) => JSON.stringify(one).includes(name))
    const where = { in: 'job', task: 'odd', job: id, traceId: TRACE.slice(3, 35) }
    expect(of('odd')).toMatchObject([
      ['Error: odd', { ...where, attempt: 1, final: false }],
      ['Error: odd', { ...where, attempt: 2, final: true }],
    ])
    expect(of('declared')).toMatchObject([['JobError: declared', { attempt: 2, final: true }]])
  }),
)

test(
  'a job runs in the trace that it was enqueued with, and one with something else there runs without',
  inRoom(async (room) => {
    const seen: unknown[] = []
    const look = defineTask({ name: 'look', input: Text, run: () => void seen.push(currentTrace()) })
    await room.worker([look])
    await room.queue.enqueue(look, { text: 'x' }, { trace: TRACE })
    await room.idle()
    for (const tp of [7, 'x\r\n', { a: 1 }, '0'.repeat(100_000)]) {
      const element = { id: crypto.randomUUID(), task: 'look', data: { text: 'x' }, tp }
      await room.redis.rpush(`${room.base}queue`, JSON.stringify(element))
    }
    await until('all to have run', () => seen.length === 5)
    expect(seen).toEqual([TRACE, ...Array.from({ length: 4 }, () => undefined)])
  }),
)
