// The invariant, on the scripts themselves: after any sequence of operations, each of them possibly sent twice,
// a job is exactly one element in exactly one place, or it has ended.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import fc from 'fast-check'
import { Redis } from 'ioredis'
import {
  moveToDead,
  crashed,
  finish,
  requeue,
  parseElement,
  retry,
  type Element,
  type Move,
} from '../../../src/kit/jobs/element.ts'
import { call, callBuffer, moveArgs } from '../../../src/kit/jobs/lua.ts'
import { ADD, CRON, keyBase, MOVE, REAP, STEP, TICK } from '../../../src/kit/jobs/scripts.ts'
import { deletePrefix, redisUrl, uniquePrefix } from '../support/services.ts'

const WORKERS = ['a', 'b', 'c'] as const
const CONCURRENCY = 3
const KEEP_DEAD = 1000
const TICK_MS = 100
const LEASE_MS = 400

let redis: Redis
beforeAll(() => {
  redis = new Redis(redisUrl())
})
afterAll(() => redis.disconnect())

const END = ['done', 'retry', 'dead', 'back'] as const
const worker = fc.constantFrom(...WORKERS)
const twice = fc.boolean()
const operation = fc.oneof(
  fc.record({ kind: fc.constant('push' as const), count: fc.integer({ min: 1, max: 4 }) }),
  fc.record({
    kind: fc.constant('add' as const),
    to: fc.constantFrom('back', 'front', 'later'),
    delay: fc.integer({ min: 0, max: 20 }),
    key: fc.constantFrom('', 'k1', 'k2'),
    keep: fc.boolean(),
    twice,
  }),
  fc.record({
    kind: fc.constant('step' as const),
    worker,
    want: fc.integer({ min: 0, max: 5 }),
    ends: fc.array(fc.constantFrom(...END), { maxLength: 3 }),
    twice,
  }),
  fc.record({ kind: fc.constant('tick' as const), worker, twice }),
  // What a worker believes may be old: it settles what has been taken from it long ago.
  fc.record({ kind: fc.constant('stale ack' as const), worker, pick: fc.nat() }),
  fc.record({
    kind: fc.constant('reap' as const),
    worker,
    how: fc.constantFrom('own', 'other'),
    twice,
  }),
  fc.record({
    kind: fc.constant('operate' as const),
    from: fc.constantFrom('dead', 'later', 'queue'),
    n: fc.constantFrom(0, -1),
    revive: fc.boolean(),
    twice,
  }),
  fc.record({
    kind: fc.constant('cron' as const),
    tick: fc.integer({ min: 1, max: 5 }),
    racers: fc.integer({ min: 1, max: 3 }),
  }),
  fc.record({ kind: fc.constant('pause' as const), on: fc.boolean() }),
  fc.record({ kind: fc.constant('key expires' as const), key: fc.constantFrom('k1', 'k2') }),
)
type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never

/** Drives the scripts, and knows of every job that was added whether it may have ended. */
class Model {
  readonly base: string
  readonly live = new Set<string>()
  /** Who holds which unique key: from when it was added until it ends, dies, or the key expires. */
  readonly holders = new Map<string, string>()
  /** All raw elements that a worker was ever given. */
  readonly given: string[] = []
  #ids = 0
  #lastTick = 0
  readonly cronTicks: number[] = []

  constructor(prefix: string) {
    this.base = keyBase(prefix)
  }

  async run(op: Operation): Promise<void> {
    const { base } = this
    const times = 'twice' in op && op.twice ? 2 : 1
    switch (op.kind) {
      case 'push': {
        const elements = Array.from({ length: op.count }, () => this.#element())
        await redis.rpush(`${base}queue`, ...elements.map((e) => JSON.stringify(e)))
        for (const e of elements) this.live.add(e.id)
        return
      }
      case 'add': {
        const e = this.#element({ ...(op.key && { key: op.key }), ...(op.keep && { keep: 60_000 }) })
        // Not twice to the queue, unless a key or a status tells the second from the first.
        const n = op.to === 'later' || op.key || op.keep ? times : 1
        let id = ''
        for (let i = 0; i < n; i++) {
          const status = op.keep ? '{}' : ''
          id = await call(
            redis,
            ADD,
            base,
            JSON.stringify(e),
            e.id,
            op.to,
            '',
            op.delay,
            op.key,
            60_000,
            status,
            60_000,
          )
        }
        const holder = this.holders.get(op.key)
        expect(id).toBe(holder ?? e.id)
        if (holder === undefined) this.live.add(id)
        if (op.key) this.holders.set(op.key, id)
        return
      }
      case 'step': {
        const raws = await redis.lrange(`${base}run:${op.worker}`, 0, -1)
        const moves = op.ends.flatMap((end, i) => this.#end(raws[i], end))
        const acks = moves.filter((m) => m.to === 'gone' && !m.key && !m.status).map((m) => m.raw)
        const others = moves.filter((m) => !acks.includes(m.raw)).flatMap((m) => moveArgs(m, KEEP_DEAD))
        for (let i = 0; i < times; i++) {
          const args = [op.worker, CONCURRENCY, op.want, acks.length, ...acks, ...others]
          const [open, held, taken] = await call(redis, STEP, base, ...args)
          if (!open) expect(taken).toEqual([])
          expect(held).toBe(await redis.llen(`${base}run:${op.worker}`))
          this.given.push(...taken)
        }
        this.#ended(moves)
        return
      }
      case 'tick':
        for (let i = 0; i < times; i++)
          await callBuffer(redis, TICK, base, op.worker, TICK_MS, LEASE_MS, '{}')
        return
      case 'stale ack': {
        const raw = this.given[op.pick % this.given.length]
        const e = raw === undefined ? null : parseElement(raw)
        if (!raw || !e) return
        const mine = (await redis.lrange(`${base}run:${op.worker}`, 0, -1)).includes(raw)
        const move = finish(raw, e)
        const [, , , settled] = await call(
          redis,
          STEP,
          base,
          op.worker,
          CONCURRENCY,
          0,
          0,
          ...moveArgs(move, KEEP_DEAD),
        )
        expect(settled).toEqual([mine ? 1 : 0])
        if (mine) this.#ended([move])
        return
      }
      case 'reap': {
        const raws = await redis.lrangeBuffer(`${base}run:${op.worker}`, 0, -1)
        const score = await redis.zscore(`${base}workers`, op.worker)
        const age = Number(await redis.hget(`${base}clock`, 'clock')) - Number(score)
        const stale = score !== null && age > LEASE_MS
        const lease = op.how === 'own' ? '' : LEASE_MS
        const moves = raws.map(crashed)
        for (let i = 0; i < times; i++) {
          const args = moves.flatMap((move) => moveArgs(move, KEEP_DEAD))
          const moved = await call(redis, REAP, base, op.worker, lease, ...args)
          if (op.how === 'other' && !stale) expect(moved).toBeNull()
        }
        if (op.how === 'own' || stale) this.#ended(moves)
        return
      }
      case 'operate': {
        const raws =
          op.from === 'later'
            ? await redis.zrange(`${base}later`, 0, '0')
            : await redis.lrange(base + op.from, 0, 0)
        const moves = raws.map((raw): Move => {
          const e = parseElement(raw)
          return op.revive && op.from === 'dead'
            ? { raw, to: 'front', as: JSON.stringify({ ...e, n: 0, c: 0 }), id: e?.id }
            : { raw, to: 'gone', id: e?.id, key: e?.key }
        })
        for (let i = 0; i < times; i++) {
          await call(redis, MOVE, base, op.from, op.n, ...moves.flatMap((move) => moveArgs(move, KEEP_DEAD)))
        }
        this.#ended(moves)
        return
      }
      case 'cron': {
        const seen = this.#lastTick === 0 ? '' : String(this.#lastTick)
        const tick = this.#lastTick + op.tick
        const outcomes: string[] = []
        for (let racer = 0; racer < op.racers; racer++) {
          const e: Element = { id: `cron@${tick}`, task: 't' }
          const [last, what] = await call(
            redis,
            CRON,
            base,
            'nightly',
            seen,
            tick,
            JSON.stringify(e),
            e.id,
            '',
            0,
          )
          expect(last).toBe(String(tick))
          outcomes.push(what)
          if (what === 'enqueued') this.live.add(e.id)
        }
        expect(outcomes).toEqual(['enqueued', ...Array.from({ length: op.racers - 1 }, () => 'seen')])
        this.#lastTick = tick
        return
      }
      case 'pause':
        if (op.on) await redis.set(`${base}paused`, '1')
        else await redis.del(`${base}paused`)
        return
      case 'key expires':
        await redis.del(`${base}key:${op.key}`)
        this.holders.delete(op.key)
    }
  }

  /** Every live job in exactly one place; no worker holds more than it can; whoever holds something is looked after. */
  async check(): Promise<void> {
    const { base } = this
    const places = [
      await redis.lrange(`${base}queue`, 0, -1),
      await redis.zrange(`${base}later`, 0, '-1'),
      await redis.lrange(`${base}dead`, 0, -1),
    ]
    const known = new Set(await redis.zrange(`${base}workers`, 0, '-1'))
    for (const name of WORKERS) {
      const held = await redis.lrange(`${base}run:${name}`, 0, -1)
      expect(held.length).toBeLessThanOrEqual(CONCURRENCY)
      if (held.length > 0) expect(known).toContain(name)
      places.push(held)
    }
    const ids = places.flat().map((raw) => parseElement(raw)?.id ?? `unreadable: ${raw}`)
    expect(ids.toSorted()).toEqual([...this.live].toSorted())
    for (const key of ['k1', 'k2']) {
      expect(await redis.get(`${base}key:${key}`)).toBe(this.holders.get(key) ?? null)
    }
  }

  #element(more: Partial<Element> = {}): Element {
    return { id: `j${this.#ids++}`, task: 't', data: { big: 9007199254740991, empty: [] }, ...more }
  }

  #end(raw: string | undefined, end: (typeof END)[number]): Move[] {
    const e = raw === undefined ? null : parseElement(raw)
    if (raw === undefined || !e) return []
    const failed = { ...e, n: (e.n ?? 0) + 1, error: 'x' }
    if (end === 'done') return [finish(raw, e, { some: 'result' })]
    if (end === 'retry') return [retry(raw, failed, 5)]
    if (end === 'dead') return [moveToDead(raw, failed)]
    return [requeue(raw, e)]
  }

  #ended(moves: Move[]): void {
    for (const { raw, to } of moves) {
      const e = parseElement(String(raw))
      if (!e) continue
      if (to === 'gone') this.live.delete(e.id)
      if (to !== 'gone' && to !== 'dead') continue
      if (e.key && this.holders.get(e.key) === e.id) this.holders.delete(e.key)
    }
  }
}

test.each([1, 2, 3, 4, 5])(
  'a job is exactly one element in exactly one place, whatever happens (seed %d)',
  async (seed) => {
    let operations = 0
    await fc.assert(
      fc.asyncProperty(fc.array(operation, { minLength: 20, maxLength: 60 }), async (sequence) => {
        const prefix = uniquePrefix()
        try {
          const model = new Model(prefix)
          for (const op of sequence) {
            await model.run(op)
            await model.check()
            operations++
          }
        } finally {
          await deletePrefix(prefix)
        }
      }),
      { seed, numRuns: 25 },
    )
    expect(operations).toBeGreaterThan(300)
  },
)
