// The consumer: takes jobs, has them run, settles them, and looks after the jobs of workers that died.
import type { Redis } from 'ioredis'
import type { Log } from '../deps.ts'
import { Bell } from './bell.ts'
import { checkRedis, connect, passes } from './connection.ts'
import { createTimer, type Cron } from './cron.ts'
import { buryMalformed, crashed, giveBack, parseElement, status } from './element.ts'
import { execute, failed, type Execution } from './execute.ts'
import { Inflight } from './inflight.ts'
import { describeWorker, Running } from './running.ts'
import { call, keyBase, moveArgs, REAP, STEP, TICK } from './scripts.ts'
import type { InputSchema, Task } from './task.ts'
import { startWatchdog } from './watchdog.ts'

const RECONCILE_MS = 5000
const PEEK_SECONDS = 2
const RETRY_REDIS_MS = 1000
/** From the signal that the time to drain is over to the giving back. */
const LAST_CALL_MS = 500
/** From the giving back to the end, if Redis does not answer. */
const GIVE_UP_MS = 2000
/** About how long a job waits that cannot be run here and now. */
const POSTPONE_MS = 10_000

export interface WorkerOptions<D> {
  /** Where Redis is: its connection is not used, two of its kind are made. */
  redis: Redis
  prefix: string
  /** Of one live process at a time. A worker that starts under the id of a dead one recovers its jobs at once. */
  id: string
  tasks: readonly Task<InputSchema, D>[]
  crons?: readonly Cron[]
  deps: D
  log: Log
  /** Jobs at a time; 10 by default. */
  concurrency?: number
  /** Without a beat for this long a worker counts as dead, in time of the cluster; 15 s by default. */
  leaseMs?: number
  /** Between beats; delayed jobs and crons are this exact. 500 by default. */
  tickMs?: number
  /** What a stopping worker gives its jobs to end; 10 s by default. */
  drainMs?: number
  /** What a task gets to end after its timeout has fired its signal; 5 s by default. */
  graceMs?: number
  /** Stops by itself after so many jobs. */
  maxJobs?: number
  /** A blocked event loop is killed after this; below the lease; null under a debugger. 10 s by default. */
  blockMs?: number | null
  /** The dead jobs that are kept; 1000 by default. */
  keepDead?: number
  /** The text of an error as it may be stored and shown to operators. */
  describe?: (error: unknown) => string
}

export interface Worker {
  /** Resolves when it is at work: Redis answered, and it is new enough. Rejects as `ended` does. */
  readonly ready: Promise<void>
  /** Resolves when it has drained, after `stop` or `maxJobs`; rejects when it cannot go on: then exit 1 at once. */
  readonly ended: Promise<void>
  /** Takes no more, and resolves like `ended`: at the latest a few seconds past `drainMs`. */
  stop(): Promise<void>
}

/** @throws if an option makes no sense */
export function startWorker<D>(options: WorkerOptions<D>): Worker {
  const { concurrency, leaseMs, tickMs, blockMs } = { ...DEFAULTS, ...options }
  const names = new Set(options.tasks.map((task) => task.name))
  if (!(concurrency >= 1 && concurrency <= 1000))
    throw new RangeError('worker: concurrency is from 1 to 1000')
  if (blockMs !== null && blockMs >= leaseMs) throw new RangeError('worker: blockMs must be below leaseMs')
  if (tickMs * 4 > leaseMs) throw new RangeError('worker: leaseMs must hold at least four beats (tickMs)')
  if (names.size < options.tasks.length) throw new Error('worker: two tasks have the same name')
  return new Loop({ ...DEFAULTS, ...options })
}

const DEFAULTS = {
  crons: [],
  concurrency: 10,
  leaseMs: 15_000,
  tickMs: 500,
  drainMs: 10_000,
  graceMs: 5000,
  maxJobs: Infinity,
  blockMs: 10_000,
  keepDead: 1000,
  describe: (error: unknown) => (error instanceof Error ? `${error.name}: ${error.message}` : String(error)),
}

class Loop<D> implements Worker {
  readonly #o: Required<WorkerOptions<D>>
  readonly #how: Execution<D>
  readonly #base: string
  readonly #tasks: Map<string, Task<InputSchema, D>>
  readonly #redis: Redis
  readonly #blocking: Redis
  readonly #hand = new Inflight()
  readonly #work = new Bell()
  readonly #peek = new Bell()
  readonly #beat = new Bell()
  readonly #timers: ReturnType<typeof setTimeout>[] = []
  readonly #cronTimer: (now: number) => Promise<number>
  readonly #startedAt = Date.now()
  readonly #end = Promise.withResolvers<void>()
  readonly ended = this.#end.promise
  readonly ready: Promise<void>
  /** A job whose worker died twice: it runs alone, so that a killer takes nobody with it. */
  #suspect: Running | undefined
  #taken = 0
  #mayFind = true
  #paused = false
  #reconcile = false
  #atWork = false
  #stopping = false
  #over = false
  /** Connections that broke so far. */
  #breaks = 0
  #failure: Error | undefined
  #stopWatchdog: (() => void) | undefined

  constructor(options: Required<WorkerOptions<D>>) {
    const { redis, prefix, id, tasks, crons, log } = options
    this.#o = options
    this.#how = { ...options, onDeaf: (job) => this.#giveUpOn(job) }
    this.#base = keyBase(prefix)
    this.#tasks = new Map(tasks.map((task) => [task.name, task]))
    const connections = connect(redis, `worker-${id}`, log, () => {
      // A reply may have been lost with the connection: what was taken is in the list.
      this.#breaks++
      this.#reconcile = true
      this.#work.ring()
    })
    this.#redis = connections.commands
    this.#blocking = connections.blocking
    this.#cronTimer = createTimer(this.#redis, this.#base, crons, log)
    this.ready = this.#boot()
    this.ready.catch((error) => this.#fail(error))
  }

  stop(): Promise<void> {
    if (this.#stopping || this.#over) return this.ended
    this.#stopping = true
    // Nothing in hand and nobody to tell.
    if (!this.#atWork || (this.#hand.size === 0 && this.#redis.status !== 'ready')) this.#finish()
    this.#work.ring()
    this.#after(this.#o.drainMs, () => {
      for (const job of this.#hand.jobs.values()) job.abort(new Error('the worker stops'))
      this.#after(LAST_CALL_MS, () => {
        for (const job of this.#hand.jobs.values()) {
          if (!job.deaf) this.#settle(job, giveBack(job.raw, job.element))
        }
        // Whoever finds the list will recover it.
        this.#after(GIVE_UP_MS, () => this.#finish())
      })
    })
    return this.ended
  }

  async #boot(): Promise<void> {
    await this.#insist(() => checkRedis(this.#redis, this.#o.log))
    await this.#insist(() => this.#reap(this.#o.id, ''))
    await this.#insist(() => this.#tick())
    if (this.#over) throw new Error('worker: stopped before it was at work')
    this.#atWork = true
    if (this.#o.blockMs !== null) this.#stopWatchdog = startWatchdog(this.#o.blockMs)
    this.#timers.push(
      setInterval(() => {
        this.#reconcile = true
        this.#work.ring()
      }, RECONCILE_MS),
    )
    for (const part of [this.#run(), this.#keepBeating(), this.#keepPeeking()]) {
      part.catch((error) => this.#fail(error))
    }
  }

  // The one loop that moves jobs: at most one STEP is in flight, and a reconcile only between two.
  async #run(): Promise<void> {
    while (!this.#over) {
      const room = this.#room()
      if (this.#reconcile) await this.#try(() => this.#compare())
      else if (this.#hand.anySettled || (room > 0 && this.#mayFind)) await this.#try(() => this.#step(room))
      else if (this.#suspect && this.#hand.size === 1 && !this.#suspect.begun) this.#runSuspect(this.#suspect)
      else if (this.#stopping && this.#hand.size === 0) break
      else if (this.#stopping && this.#onlyDeaf()) this.#failDeaf()
      else {
        if (room > 0) this.#peek.ring()
        await this.#work.wait()
        // Jobs that end in the same turn of the event loop are settled together.
        await new Promise((resolve) => setImmediate(resolve))
      }
    }
    if (!this.#over) await this.#try(() => this.#reap(this.#o.id, ''))
    this.#finish()
  }

  #room(): number {
    if (this.#stopping || this.#paused || this.#suspect) return 0
    return Math.max(0, Math.min(this.#o.concurrency - this.#hand.held, this.#o.maxJobs - this.#taken))
  }

  async #step(want: number): Promise<void> {
    const { id, concurrency, keepDead } = this.#o
    const batch = this.#hand.batch()
    const acks = batch.acks.map((job) => job.raw)
    const moves = batch.moves.flatMap((move) => moveArgs(move, keepDead))
    const breaks = this.#breaks
    const args = [id, concurrency, want, acks.length, ...acks, ...moves]
    const [paused, settled, taken, sure] = await call(this.#redis, STEP, this.#base, ...args)
    this.#hand.confirm(batch)
    for (const [i, job] of [...batch.acks, ...batch.others].entries()) {
      if (job === this.#suspect) this.#suspect = undefined
      // After a break the script may have run twice, and then the second answer says nothing.
      if (settled[i] === 0 && breaks === this.#breaks) this.#lose(job)
    }
    this.#paused = paused === 1
    if (sure === 0) this.#reconcile = true
    this.#mayFind = taken.length === want
    for (const raw of taken) this.#begin(raw)
  }

  // run:<me> is the truth. What is there and not here was taken by a STEP whose reply was lost;
  // what is here and not there was taken over by another worker, or dropped by an operator.
  async #compare(): Promise<void> {
    this.#reconcile = false
    const copies = new Map<string, number>()
    for (const raw of await this.#redis.lrange(`${this.#base}run:${this.#o.id}`, 0, -1)) {
      copies.set(raw, (copies.get(raw) ?? 0) + 1)
    }
    for (const [raw, n] of copies) {
      if (!this.#hand.jobs.has(raw)) this.#begin(raw)
      const job = this.#hand.jobs.get(raw)
      if (job) this.#hand.recount(job, n)
    }
    for (const job of this.#hand.jobs.values()) {
      if (!copies.has(job.raw) && !job.lost && !job.move) this.#lose(job)
    }
  }

  #begin(raw: string): void {
    const twin = this.#hand.jobs.get(raw)
    if (twin) return this.#hand.recount(twin, twin.copies + 1)
    if (++this.#taken >= this.#o.maxJobs) this.stop().catch(() => {})
    const element = parseElement(raw)
    if (!element) {
      this.#o.log.error('job malformed: it goes to the dead', { bytes: raw.length })
      return this.#hand.reject(buryMalformed(raw))
    }
    const task = this.#tasks.get(element.task)
    const suspicious = (element.c ?? 0) > 1
    if (!task || (suspicious && this.#suspect)) {
      if (!task) this.#o.log.warn('job of an unknown task: it waits', { job: element.id, task: element.task })
      const delayMs = POSTPONE_MS * (0.5 + Math.random())
      return this.#hand.reject({ raw, to: 'later', delayMs, id: element.id, ...status(element, 'waiting') })
    }
    const job = new Running(raw, element, this.#o.log)
    this.#hand.add(job)
    if (element.keep) this.#show(job)
    if (suspicious) this.#suspect = job
    else this.#execute(job, task)
  }

  #runSuspect(job: Running): void {
    const task = this.#tasks.get(job.element.task)
    if (this.#stopping || job.lost || !task) this.#settle(job, giveBack(job.raw, job.element))
    else this.#execute(job, task)
    if (job.lost) this.#suspect = undefined
  }

  #execute(job: Running, task: Task<InputSchema, D>): void {
    job.begun = true
    execute(job, task, this.#how).then(
      (move) => this.#settle(job, move),
      (error) => this.#fail(error),
    )
  }

  #settle(job: Running, move: Parameters<Inflight['settle']>[1]): void {
    this.#hand.settle(job, move)
    if (job.lost && job === this.#suspect) this.#suspect = undefined
    this.#work.ring()
  }

  #lose(job: Running): void {
    job.lost = true
    job.abort(new Error('another worker took the job over, or an operator dropped it'))
    this.#o.log.warn('job taken away while it ran: it may run twice', job.fields())
  }

  #giveUpOn(job: Running): void {
    job.deaf = true
    this.#failure ??= new Error(`task "${job.element.task}" runs on past its timeout and ignores its signal`)
    this.#o.log.error('job runs on past its timeout: the worker ends', job.fields(true))
    this.stop().catch(() => {})
    this.#work.ring()
  }

  #onlyDeaf = () => this.#hand.jobs.values().every((job) => job.deaf)

  // The process is about to end, so that what runs on in it cannot overlap the next attempt.
  #failDeaf(): void {
    for (const job of this.#hand.jobs.values()) {
      const task = this.#tasks.get(job.element.task)
      if (task) this.#settle(job, failed(job, task, this.#o, job.aborted))
    }
  }

  async #keepPeeking(): Promise<void> {
    const queue = `${this.#base}queue`
    for (;;) {
      await this.#peek.wait()
      if (this.#over) return
      // From the head to the head: it waits, and moves nothing, so neither a lost nor a late reply matters.
      const found = await this.#try(() => this.#blocking.blmove(queue, queue, 'LEFT', 'LEFT', PEEK_SECONDS))
      if (typeof found === 'string') this.#mayFind = true
      this.#work.ring()
    }
  }

  async #keepBeating(): Promise<void> {
    let more: boolean | undefined = false
    for (;;) {
      if (!more) await this.#beat.wait(this.#o.tickMs)
      if (this.#over) return
      more = await this.#try(() => this.#tick())
    }
  }

  /** @returns whether more delayed jobs are due */
  async #tick(): Promise<boolean> {
    const { id, tickMs, leaseMs, concurrency, log } = this.#o
    const jobs = [...this.#hand.jobs.values()]
    for (const job of jobs) {
      if (job.element.keep && !job.move && job.fraction !== job.shown) this.#show(job)
    }
    const me = describeWorker(concurrency, this.#startedAt, this.#stopping, jobs)
    const reply = await call(this.#redis, TICK, this.#base, id, tickMs, leaseMs, JSON.stringify(me))
    const [now, paused, more, known, stale] = reply
    if (this.#paused && paused === 0) this.#mayFind = true
    this.#paused = paused === 1
    // We were taken for dead: what has become of our jobs?
    if (known === 0) this.#reconcile = true
    if (this.#mayFind || this.#reconcile) this.#work.ring()
    for (let i = 0; i + 1 < stale.length; i += 2) {
      const [worker, score] = [String(stale[i]), String(stale[i + 1])]
      const moved = await this.#reap(worker, score)
      if (moved >= 0) log.warn('worker died: its jobs are taken over', { worker, jobs: moved })
    }
    if (!this.#stopping) await this.#cronTimer(now)
    return more === 1
  }

  /** @param score the beat that the worker was last seen with; '' for oneself */
  async #reap(worker: string, score: string): Promise<number> {
    const raws = await this.#redis.lrange(`${this.#base}run:${worker}`, 0, -1)
    const moves = raws.flatMap((raw) => moveArgs(crashed(raw), this.#o.keepDead))
    return await call(this.#redis, REAP, this.#base, worker, score, ...moves)
  }

  /** The owner sees it running. Nothing depends on it: a failure is for the log. */
  #show(job: Running): void {
    job.shown = job.fraction
    const { status: text = '', keepMs = 1 } = status(job.element, 'running', { progress: job.fraction ?? 0 })
    this.#redis
      .set(`${this.#base}r:${job.id}`, text, 'PX', keepMs)
      .catch(
        (error: unknown) => this.#over || this.#o.log.warn('job status not kept', { ...job.fields(), error }),
      )
  }

  /** Does it once. If Redis is not up to it, waits a little: the loop comes by again. Other errors end the worker. */
  async #try<T>(act: () => Promise<T>): Promise<T | undefined> {
    try {
      return await act()
    } catch (error) {
      if (this.#over) return undefined
      if (!passes(error)) throw error
      this.#o.log.warn('worker: Redis refused a command; trying again', { error })
      this.#reconcile = true
      await new Promise((resolve) => setTimeout(resolve, RETRY_REDIS_MS))
      return undefined
    }
  }

  async #insist(act: () => Promise<unknown>): Promise<void> {
    let done = false
    while (!done && !this.#over) await this.#try(async () => act().then(() => (done = true)))
  }

  /** A part that fails ends the whole worker: a dead loop with a live heartbeat would be the worst state. */
  #fail(error: unknown): void {
    this.#failure ??= error instanceof Error ? error : new Error(String(error))
    this.#finish()
  }

  #finish(): void {
    if (this.#over) return
    this.#over = true
    this.#stopWatchdog?.()
    for (const timer of this.#timers) clearTimeout(timer)
    for (const job of this.#hand.jobs.values()) clearTimeout(job.timer)
    for (const bell of [this.#work, this.#peek, this.#beat]) bell.ring()
    this.#redis.disconnect()
    this.#blocking.disconnect()
    if (this.#failure) this.#end.reject(this.#failure)
    else this.#end.resolve()
  }

  #after(ms: number, act: () => void): void {
    this.#timers.push(setTimeout(act, ms))
  }
}
