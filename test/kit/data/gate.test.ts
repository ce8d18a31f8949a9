// The gate: few at once, the others in line, and a line that has an end.
import { expect, test } from 'bun:test'
import { BusyError, Gate } from '../../../src/kit/data/gate.ts'
import { until } from '../support/until.ts'

/** Whoever came before is asked from then on whether it still waits. */
const waitedAWhile = async () => {
  const start = performance.now()
  await until('some time to pass', () => performance.now() - start > 60)
}

/** All that microtasks had to do is done. */
const settled = () => new Promise((resolve) => setTimeout(resolve))

test('who finds a place free is inside at once, without a promise', () => {
  const gate = new Gate({ places: 2, queue: 0 })
  expect(gate.enter()).toBeUndefined()
  expect(gate.tryEnter()).toBe(true)
  expect(gate.tryEnter()).toBe(false)
  gate.leave()
  expect(gate.tryEnter()).toBe(true)
  expect(gate.stats()).toEqual({ inUse: 2, waiting: 0, refused: 0 })
})

test('never more are inside than there are places, and they enter in the order in which they came', async () => {
  const gate = new Gate({ places: 3, queue: 100 })
  const entered: number[] = []
  let inside = 0
  let most = 0
  const works = Array.from({ length: 100 }, (_, n) =>
    gate.run(async () => {
      entered.push(n)
      most = Math.max(most, ++inside)
      await settled()
      inside--
      return n
    }),
  )
  expect(await Promise.all(works)).toEqual(Array.from({ length: 100 }, (_, n) => n))
  expect(entered).toEqual(Array.from({ length: 100 }, (_, n) => n))
  expect(most).toBe(3)
  expect(gate.stats()).toEqual({ inUse: 0, waiting: 0, refused: 0 })
})

test('past the length of the line everybody is refused at once, and the others get in', async () => {
  const gate = new Gate({ places: 1, queue: 2 })
  const open = Promise.withResolvers<void>()
  const works = Array.from({ length: 5 }, () => gate.run(() => open.promise))
  const refused = await Promise.allSettled(works.slice(3))
  expect(refused.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  expect(refused[0]).toMatchObject({ reason: { code: 'GATE_BUSY' } })
  expect(gate.stats()).toEqual({ inUse: 1, waiting: 2, refused: 2 })
  open.resolve()
  await Promise.all(works.slice(0, 3))
  expect(gate.stats()).toEqual({ inUse: 0, waiting: 0, refused: 2 })
})

test('a work that fails gives its place back', async () => {
  const gate = new Gate({ places: 1, queue: 1 })
  const failing = gate.run(() => Promise.reject(new Error('failed')))
  const next = gate.run(() => 'done')
  await expect(failing).rejects.toThrow('failed')
  expect(await next).toBe('done')
  expect(gate.stats().inUse).toBe(0)
})

test('one who is gone leaves the line while nobody moves, and never enters', async () => {
  const gate = new Gate({ places: 1, queue: 2 })
  gate.tryEnter()
  let isGone = false
  let hasEntered = false
  const left = gate.run(
    () => (hasEntered = true),
    () => isGone,
  )
  left.catch(() => {})
  const stays = gate.run(() => 'stayed')
  isGone = true
  await until('the sweep', async () => gate.stats().waiting === 1)
  await expect(left).rejects.toBeInstanceOf(BusyError)
  gate.leave()
  expect(await stays).toBe('stayed')
  expect(hasEntered).toBe(false)
  expect(gate.stats()).toEqual({ inUse: 0, waiting: 0, refused: 0 })
})

test('one who has waited too long is refused while nobody moves', async () => {
  const gate = new Gate({ places: 1, queue: 2, maxWaitMs: 300 })
  gate.tryEnter()
  const late = gate.run(() => 'entered')
  await expect(late).rejects.toBeInstanceOf(BusyError)
  const next = gate.run(() => 'entered')
  gate.leave()
  expect(await next).toBe('entered')
})

test('one who went just before its turn is passed over', async () => {
  const gate = new Gate({ places: 1, queue: 3 })
  gate.tryEnter()
  const gone = gate.run(
    () => 'entered',
    () => true,
  )
  gone.catch(() => {})
  const stays = gate.run(() => 'stayed')
  await waitedAWhile()
  gate.leave()
  expect(await stays).toBe('stayed')
  await expect(gone).rejects.toBeInstanceOf(BusyError)
  expect(gate.stats().inUse).toBe(0)
})

test('a line full of people who are gone does not refuse a newcomer', async () => {
  const gate = new Gate({ places: 1, queue: 2 })
  gate.tryEnter()
  const gone = [1, 2].map(() =>
    gate.run(
      () => {},
      () => true,
    ),
  )
  const newcomer = gate.run(() => 'inside')
  expect((await Promise.allSettled(gone)).map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  gate.leave()
  expect(await newcomer).toBe('inside')
})

test('the place is handed over in a microtask, and nobody gets between', async () => {
  const gate = new Gate({ places: 1, queue: 1 })
  gate.tryEnter()
  let isInside = false
  const next = gate.run(() => (isInside = true))
  gate.leave()
  expect([isInside, gate.tryEnter()]).toEqual([false, false])
  await next
  expect(isInside).toBe(true)
  expect(gate.tryEnter()).toBe(true)
})

test('where all are gone the place is free again', async () => {
  const gate = new Gate({ places: 1, queue: 1 })
  gate.tryEnter()
  const gone = gate.run(
    () => {},
    () => true,
  )
  gone.catch(() => {})
  await waitedAWhile()
  gate.leave()
  await expect(gone).rejects.toBeInstanceOf(BusyError)
  expect(gate.stats()).toEqual({ inUse: 0, waiting: 0, refused: 0 })
})

test.each([
  [0, 1],
  [1.5, 1],
  [1, -1],
])('a gate of %p places and a queue of %p is refused', (places, queue) => {
  expect(() => new Gate({ places, queue })).toThrow(RangeError)
})
