// How a worker's life ends: once, with what went wrong first, and with all that waits.
import { expect, test } from 'bun:test'
import { Lifetime } from '../../../src/kit/jobs/lifetime.ts'

test('a worker that stops works on until it has finished', async () => {
  const life = new Lifetime()
  let stops = 0
  life.stopping.addEventListener('abort', () => stops++)
  life.stop()
  life.stop()
  expect([stops, life.isStopping, life.isOver]).toEqual([1, true, false])
  life.finish()
  await life.ended
  expect(life.isOver).toBe(true)
})

test('what went wrong first is what it ends with, even if it ends in order', async () => {
  const life = new Lifetime()
  life.stop(new Error('a deaf task'))
  life.stop(new Error('another one'))
  life.finish()
  life.fail(new Error('too late'))
  expect(life.ended).rejects.toThrow('a deaf task')
})

test('its end ends what waits', async () => {
  const life = new Lifetime()
  const asleep = life.sleep(3_600_000)
  life.fail(new Error('over'))
  await asleep
  await life.sleep(3_600_000)
  expect(life.ended).rejects.toThrow('over')
})
