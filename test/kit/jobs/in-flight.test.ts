// What a worker holds in its hands: how much room is left, who waits, and whose word on a job counts.
import { expect, test } from 'bun:test'
import { Bell } from '../../../src/kit/jobs/bell.ts'
import { InFlight } from '../../../src/kit/jobs/in-flight.ts'
import { Lifetime } from '../../../src/kit/jobs/lifetime.ts'
import { finish, requeue } from '../../../src/kit/jobs/moves.ts'
import { Slots } from '../../../src/kit/jobs/slots.ts'
import { until } from '../support/until.ts'
import { gate } from './room.ts'

const log = { debug() {}, info() {}, warn() {}, error() {} }

/** Hands that hold up to three jobs, each of which runs until the gate opens. */
function hands(maxJobs = Infinity) {
  const { task, started, open } = gate()
  const lifetime = new Lifetime()
  const options = {
    tasks: [task],
    concurrency: 3,
    maxJobs,
    deps: undefined,
    log,
    graceMs: 10,
    describe: String,
    report: async () => {},
    tracer: null,
    prepare: () => expect.unreachable(),
  }
  const slots = new Slots(options, lifetime)
  const share = { name: 'default', weight: 1, reserved: 0 }
  const inFlight = new InFlight(options, share, slots, lifetime, new Bell(), () => {})
  const room = () => slots.room(inFlight)
  const begin = (id: string, crashes?: number) => {
    const element = { id, task: 'gate', data: { text: id }, c: crashes }
    inFlight.begin(JSON.stringify(element), element)
  }
  return { inFlight, room, lifetime, begin, started, open }
}

test('room is what neither memory nor Redis has taken, and what has settled makes none before Redis knows', async () => {
  const { inFlight, room, begin, open } = hands()
  expect(room()).toBe(3)
  begin('a')
  begin('a') // an enqueue that was sent twice
  expect(room()).toBe(2)
  // A script that was sent twice took a second one, whose reply was lost.
  inFlight.listed = 2
  expect(room()).toBe(1)
  open()
  await until('its end', () => inFlight.settled.length === 1)
  inFlight.listed = 1
  expect([room(), inFlight.size, inFlight.mayEnd]).toEqual([3, 1, false])
  inFlight.release(1)
  expect(inFlight.size).toBe(0)
})

test('the last of its share of jobs stops the worker', () => {
  const { room, lifetime, begin } = hands(2)
  begin('a')
  expect([room(), lifetime.isStopping]).toEqual([1, false])
  begin('b')
  expect([room(), lifetime.isStopping]).toEqual([0, true])
})

test('a job whose worker died twice waits until it is alone, and a second one is put off', async () => {
  const { inFlight, room, begin, started, open } = hands()
  begin('a')
  begin('suspect', 2)
  begin('second', 2)
  expect([room(), inFlight.beginSuspect()]).toEqual([0, false])
  expect(inFlight.settled.map((job) => [job.id, job.outcome?.to])).toEqual([['second', 'later']])
  inFlight.release(1)
  expect(inFlight.beginSuspect()).toBe(false)
  open()
  await until('a to end', () => inFlight.settled.length === 1)
  inFlight.release(1)
  expect([inFlight.beginSuspect(), inFlight.beginSuspect()]).toEqual([true, false])
  await until('the suspect to end', () => inFlight.settled.length === 1)
  inFlight.release(1)
  expect([started, room()]).toEqual([['a', 'suspect'], 3])
})

test('a worker that stops does not begin its suspect: it goes back', () => {
  const { inFlight, lifetime, begin } = hands()
  begin('suspect', 2)
  lifetime.stop()
  expect(inFlight.beginSuspect()).toBe(true)
  expect(inFlight.settled.map((job) => [job.begun, job.outcome?.to])).toEqual([[false, 'front']])
})

test('the first word on a job counts, and that on a lost one counts for nothing', () => {
  const { inFlight, begin } = hands()
  for (const id of ['kept', 'lost']) begin(id)
  const [kept, lost] = inFlight.unsettled
  if (!kept || !lost) throw new Error('two jobs run')
  inFlight.settle(kept, requeue(kept.raw, kept.element))
  inFlight.settle(kept, finish(kept.raw, kept.element))
  inFlight.loseOthers(new Set([kept.raw]))
  expect([lost.lost, lost.signal.aborted]).toEqual([true, true])
  inFlight.settle(lost, finish(lost.raw, lost.element))
  expect(inFlight.settled.map((job) => [job.id, job.outcome?.to])).toEqual([['kept', 'front']])
})
