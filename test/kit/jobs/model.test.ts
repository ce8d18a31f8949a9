// The invariant, on the scripts themselves: after any sequence of operations, each of them possibly sent twice,
// a job is exactly one element in exactly one place, or it has ended; no limit of a key is overrun, nor its order; and what
// is cancelled or late does not run, and ends, and nothing follows it.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import fc from 'fast-check'
import { Redis } from 'ioredis'
import { parseElement, type Element, type Gate } from '../../../src/kit/jobs/element.ts'
import { cancel } from '../../../src/kit/jobs/cancel.ts'
import { call, callBuffer } from '../../../src/kit/jobs/lua.ts'
import {
  crashed,
  finish,
  isAck,
  moveArgs,
  moveToDead,
  requeue,
  retry,
  type Move,
} from '../../../src/kit/jobs/moves.ts'
import { followers } from '../../../src/kit/jobs/new-job.ts'
import { ADD, CRON, keyBase, MOVE, REAP, STEP, TICK } from '../../../src/kit/jobs/scripts.ts'
import { parseStatus, status } from '../../../src/kit/jobs/status.ts'
import { deletePrefix, redisUrl, uniquePrefix } from '../support/services.ts'
import { until } from '../support/until.ts'

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

/** The limits of the keys: one at a time, two at a time, two starts within a time, and both. */
const GATES: Record<string, Gate & { k: string }> = {
  one: { k: 'one', m: 1 },
  two: { k: 'two', m: 2 },
  rate: { k: 'rate', r: [2, 15] },
  both: { k: 'both', m: 1, r: [1, 10] },
}
const gate = fc.constantFrom('', 'one', ...Object.keys(GATES))
const PARKS = Object.keys(GATES).map((k) => `park:${k}`)

const timeOf = async () => {
  const [seconds, micros] = await redis.time()
  return Number(seconds) * 1000 + Math.floor(Number(micros) / 1000)
}

const END = ['done', 'followed', 'retry', 'dead', 'back'] as const
/** What is judged at the take, beside the limits: it may be cancelled, lets go of its key, or is late. */
const judged = fc.constantFrom<Gate>({}, {}, { c: 1 }, { c: 1 }, { u: 1 }, { c: 1, u: 1 }, { b: 1 })
const worker = fc.constantFrom(...WORKERS)
const twice = fc.boolean()
const operation = fc.oneof(
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('push' as const), count: fc.integer({ min: 1, max: 4 }), gate }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('add' as const),
      to: fc.constantFrom('back', 'front', 'later'),
      delay: fc.integer({ min: 0, max: 20 }),
      key: fc.constantFrom('', 'k1', 'k2'),
      keep: fc.boolean(),
      gate,
      judged,
      twice,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('cancel' as const), isRunning: fc.boolean(), pick: fc.nat() }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('step' as const),
      worker,
      want: fc.integer({ min: 0, max: 5 }),
      ends: fc.array(fc.constantFrom(...END), { maxLength: 3 }),
      twice,
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('tick' as const), worker, twice }) },
  // What a worker believes may be old: it settles what has been taken from it long ago.
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('stale ack' as const), worker, pick: fc.nat() }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('reap' as const),
      worker,
      how: fc.constantFrom('own', 'other'),
      twice,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('operate' as const),
      from: fc.constantFrom('dead', 'later', 'queue', ...PARKS),
      n: fc.constantFrom(0, -1),
      revive: fc.boolean(),
      twice,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('cron' as const),
      tick: fc.integer({ min: 1, max: 5 }),
      racers: fc.integer({ min: 1, max: 3 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('pause' as const), on: fc.boolean() }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('key expires' as const), key: fc.constantFrom('k1', 'k2') }),
  },
)
/** Each in one of three queues, which know nothing of each other. */
const inQueue = fc.tuple(fc.constantFrom('default', 'default', 'default', 'mail', 'crawl'), operation)
type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never

/** Drives the scripts, and knows of every job that was added whether it may have ended. */
class Model {
  readonly base: string
  readonly live = new Set<string>()
  /** Who holds which unique key: from when it was added until it ends, dies, or the key expires. */
  readonly holders = new Map<string, string>()
  /** All raw elements that a worker was ever given. */
  readonly given: string[] = []
  /** Of each key, when jobs started: by Redis's clock between these two, ms. */
  readonly starts = new Map<string, { id: string; from: number; to: number }[]>()
  /** Jobs that were put before or behind where they came in: their order says nothing. */
  readonly moved = new Set<string>()
  readonly cancelled = new Set<string>()
  #ids = 0
  #lastTick = 0
  readonly cronTicks: number[] = []

  constructor(prefix: string, queue = 'default') {
    this.base = keyBase(prefix, queue)
  }

  async run(op: Operation): Promise<void> {
    const { base } = this
    const times = 'twice' in op && op.twice ? 2 : 1
    switch (op.kind) {
      case 'push': {
        const elements = Array.from({ length: op.count }, () => this.#element(op.gate))
        await redis.rpush(`${base}queue`, ...elements.map((e) => JSON.stringify(e)))
        for (const e of elements) this.live.add(e.id)
        return
      }
      case 'add': {
        const keep = op.keep || op.judged.c ? 60_000 : 0
        const e = this.#element(op.gate, { ...(op.key && { key: op.key }), ...(keep && { keep }) }, op.judged)
        if (op.to !== 'back') this.moved.add(e.id)
        // Not twice to the queue, unless a key or a status tells the second from the first.
        const n = op.to === 'later' || op.key || keep ? times : 1
        let id = ''
        for (let i = 0; i < n; i++) {
          const shown = status(e, 'waiting').status ?? ''
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
            shown,
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
        const acks = moves
          .filter((m) => isAck(m, parseElement(String(m.raw)) ?? { id: '', task: '' }))
          .map((m) => m.raw)
        const others = moves.filter((m) => !acks.includes(m.raw)).flatMap((m) => moveArgs(m, KEEP_DEAD))
        for (let i = 0; i < times; i++) {
          const args = [op.worker, CONCURRENCY, op.want, acks.length, ...acks, ...others]
          const from = await timeOf()
          const [open, held, taken, , , ended] = await call(redis, STEP, base, ...args)
          // What follows is there before something else is taken.
          if (i === 0) {
            for (const { raw, to } of moves) if (to === 'later') this.#move(raw)
            this.#ended(moves)
          }
          await this.#started(taken, from)
          this.#notStarted(ended)
          if (!open) expect(taken).toEqual([])
          expect(held).toBe(await redis.llen(`${base}run:${op.worker}`))
          this.given.push(...taken)
        }
        return
      }
      case 'cancel': {
        const running = WORKERS.map((name) => redis.lrange(`${base}run:${name}`, 0, -1))
        const held = (await Promise.all(running)).flat().flatMap((raw) => parseElement(raw)?.id ?? [])
        const among = op.isRunning ? held : [...this.live]
        const id = among.at(op.pick % Math.max(1, among.length)) ?? ''
        const before = await this.#shown(id)
        for (let i = 0; i < 2; i++) {
          const after = await cancel(redis, base, id)
          expect(after).toEqual(before?.cancellable ? { id, task: 't', state: 'cancelled' } : before)
        }
        if (!before?.cancellable) return
        this.cancelled.add(id)
        // What runs holds its key until it ends.
        if (before.state === 'waiting') this.#free(id)
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
        expect(settled).toEqual([mine ? (this.cancelled.has(e.id) && move.status ? 2 : 1) : 0])
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
        // The first crash brings it to the front, where it came from.
        if (op.how === 'own' || stale) this.#ended(moves)
        for (const { raw, to } of moves) if (to === 'later') this.#move(raw)
        return
      }
      case 'operate': {
        const raws =
          op.from === 'later'
            ? await redis.zrange(`${base}later`, 0, '0')
            : await redis.lrange(base + op.from, 0, 0)
        for (const raw of raws) this.#move(raw)
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
    const lists = ['queue', 'dead', ...PARKS, ...WORKERS.map((name) => `run:${name}`)]
    const [later, known, parks, now, ...found] = await Promise.all([
      redis.zrange(`${base}later`, 0, '-1'),
      redis.zrange(`${base}workers`, 0, '-1'),
      redis.zrange(`${base}parks`, 0, '-1'),
      timeOf(),
      ...lists.map((key) => redis.lrange(base + key, 0, -1)),
    ])
    const running = found.slice(-WORKERS.length)
    for (const [i, name] of WORKERS.entries()) {
      const held = running[i] ?? []
      expect(held.length).toBeLessThanOrEqual(CONCURRENCY)
      if (held.length > 0) expect(known).toContain(name)
    }
    const ids = [later, ...found].flat().map((raw) => parseElement(raw)?.id ?? `unreadable: ${raw}`)
    expect(ids.toSorted()).toEqual([...this.live].toSorted())
    const gated = running.flat().flatMap((raw) => parseElement(raw) ?? [])
    for (const { k, m = Infinity } of Object.values(GATES)) {
      const holders = gated.filter((e) => e.gate?.k === k).map(({ id }) => id)
      expect(holders.length).toBeLessThanOrEqual(m)
      if (m < Infinity) {
        expect((await redis.smembers(`${base}held:${k}`)).toSorted()).toEqual(holders.toSorted())
      }
      // Whoever is parked is looked at: soon, if the key has room.
      if ((found[lists.indexOf(`park:${k}`)] ?? []).length === 0) continue
      expect(parks).toContain(k)
      if (holders.length < m) expect(Number(await redis.zscore(`${base}parks`, k))).toBeLessThan(now + 1000)
    }
    for (const id of this.cancelled) expect(await this.#shown(id)).toMatchObject({ state: 'cancelled' })
    for (const key of ['k1', 'k2']) {
      expect(await redis.get(`${base}key:${key}`)).toBe(this.holders.get(key) ?? null)
    }
  }

  /** Takes and ends all that is left: nothing waits for ever. */
  async drain(): Promise<void> {
    const { base } = this
    await redis.del(`${base}paused`)
    await until('all to end', async () => {
      for (const name of WORKERS) {
        await this.run({ kind: 'reap', worker: name, how: 'own', twice: false })
        await this.run({ kind: 'tick', worker: name, twice: false })
        await this.run({ kind: 'step', worker: name, want: 5, ends: [], twice: false })
        await this.run({ kind: 'step', worker: name, want: 0, ends: ['done', 'done', 'done'], twice: false })
      }
      return this.live.size === (await redis.llen(`${base}dead`))
    })
    await this.check()
    expect(await redis.keys(`${base.replace(/[{}]/g, '?')}park*`)).toEqual([])
  }

  /** By the order in which they came in, and never more than the rate allows. */
  async #started(raws: string[], from: number): Promise<void> {
    const to = await timeOf()
    for (const raw of raws) {
      const { id, n = 0, c = 0, gate: of } = parseElement(raw) ?? {}
      if (!id || !of) continue
      expect([id, this.cancelled.has(id)]).toEqual([id, false])
      if (of.b) expect(n + c).toBeGreaterThan(0)
      if (of.u) this.#free(id)
      if (of.k === undefined) continue
      const all = this.starts.get(of.k) ?? []
      this.starts.set(of.k, all)
      const [starts = Infinity, ms = 0] = of.r ?? []
      const earlier = all.at(-starts)
      if (earlier) expect(to - earlier.from).toBeGreaterThanOrEqual(ms)
      if (of.m === 1 && !this.moved.has(id)) {
        const last = all.findLast((one) => !this.moved.has(one.id))
        if (last) expect(Number(id.slice(1))).toBeGreaterThanOrEqual(Number(last.id.slice(1)))
      }
      all.push({ id, from, to })
    }
  }

  /** They ended instead of being taken. */
  #notStarted(ended: string[]): void {
    for (let i = 0; i < ended.length; i += 2) {
      const { id = '', gate: of } = parseElement(ended[i + 1] ?? '') ?? {}
      expect(ended[i]).toBe(this.cancelled.has(id) ? 'cancelled' : 'late')
      if (ended[i] === 'late') expect(of?.b).toBe(1)
      this.live.delete(id)
      this.#free(id)
    }
  }

  #free(id: string): void {
    for (const [key, holder] of this.holders) if (holder === id) this.holders.delete(key)
  }

  async #shown(id: string) {
    return parseStatus((await redis.get(`${this.base}r:${id}`)) ?? '')
  }

  #move(raw: string | Buffer): void {
    const id = parseElement(String(raw))?.id
    if (id !== undefined) this.moved.add(id)
  }

  #element(limit: string, more: Partial<Element> = {}, judgement: Gate = {}): Element {
    const gates = { ...GATES[limit], ...judgement }
    const own = Object.keys(gates).length > 0 && { gate: gates }
    return { id: `j${this.#ids++}`, ...own, task: 't', data: { big: 9007199254740991, empty: [] }, ...more }
  }

  #end(raw: string | undefined, end: (typeof END)[number]): Move[] {
    const e = raw === undefined ? null : parseElement(raw)
    if (raw === undefined || !e) return []
    const failed = { ...e, n: (e.n ?? 0) + 1, error: 'x' }
    if (end === 'done') return [finish(raw, e, { some: 'result' })]
    if (end === 'followed') {
      const next = this.#element('', { id: `${e.id}+`, ...(e.key && { key: e.key }) })
      const add = ['back', '', 0, next.key ?? '', 60_000, '', 0]
      const job = { id: next.id, element: JSON.stringify(next), ...(next.key && { add }) }
      return [finish(raw, e, undefined, followers([job]))]
    }
    if (end === 'retry') return [retry(raw, failed, 5)]
    if (end === 'dead') return [moveToDead(raw, failed)]
    return [requeue(raw, e)]
  }

  #ended(moves: Move[]): void {
    for (const { raw, to, status: shown, next } of moves) {
      const e = parseElement(String(raw))
      if (!e) continue
      const isCancelled = this.cancelled.has(e.id) && shown !== undefined
      if (to === 'gone' || isCancelled) this.live.delete(e.id)
      if (to === 'gone' || to === 'dead' || isCancelled) this.#free(e.id)
      if (next === undefined || isCancelled) continue
      // With the key of the one before it, if another has not got that.
      if (e.key && this.holders.has(e.key)) continue
      this.live.add(`${e.id}+`)
      if (e.key) this.holders.set(e.key, `${e.id}+`)
    }
  }
}

test.each([1, 2, 3, 4, 5])(
  'a job is exactly one element in exactly one place, whatever happens (seed %d)',
  async (seed) => {
    let operations = 0
    await fc.assert(
      fc.asyncProperty(fc.array(inQueue, { minLength: 20, maxLength: 60 }), async (sequence) => {
        const prefix = uniquePrefix()
        try {
          const models = new Map<string, Model>()
          for (const [queue, op] of sequence) {
            const model = models.get(queue) ?? new Model(prefix, queue)
            models.set(queue, model)
            await model.run(op)
            await model.check()
            operations++
          }
          for (const model of models.values()) await model.drain()
        } finally {
          await deletePrefix(prefix)
        }
      }),
      { seed, numRuns: 15 },
    )
    expect(operations).toBeGreaterThan(300)
  },
)
