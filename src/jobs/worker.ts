// The consumer: takes jobs, runs them, settles them, and looks after the jobs of workers that died.
import { setImmediate as turn, setTimeout as timeout } from 'node:timers/promises'
import { isTransient } from '../transient.ts'
import { Bell } from './bell.ts'
import { checkRedis, connectAlike } from './connection.ts'
import { createTimer } from './cron.ts'
import { DeadNotices } from './dead.ts'
import { giveBack, parseElement, postpone, readElement, status } from './element.ts'
import type { Element, Move } from './element.ts'
import { call, callBuffer, isAck, moveArgs } from './lua.ts'
import { completeOptions, type WorkerOptions } from './options.ts'
import { createReaper } from './reaper.ts'
import { describeWorker, Running } from './running.ts'
import { keyBase, STEP, TICK } from './scripts.ts'
import { startWatchdog } from './watchdog.ts'

/** Beats between two looks at what is really in our list: 5 s by default. */
const RECONCILE_BEATS = 10
const PEEK_SECONDS = 2
const RETRY_REDIS_MS = 1000
/** From the signal that the time to drain is over to the giving back. */
const LAST_CALL_MS = 500
/** From the giving back to the end, if Redis does not answer. */
const GIVE_UP_MS = 2000

export interface Worker {
  /** Resolves when it is at work: Redis answered, and it is new enough. Rejects as `ended` does. */
  readonly ready: Promise<void>
  /** Resolves when it has drained, after `stop` or `maxJobs`; rejects when it cannot go on: then exit 1 at once. */
  readonly ended: Promise<void>
  /** Takes no more, and resolves like `ended`: at the latest a few seconds past `drainMs`. */
  stop(): Promise<void>
}

/** @throws if an option makes no sense */
export function startWorker<D>(given: WorkerOptions<D>): Worker {
  const options = completeOptions(given)
  const { id, log, concurrency, leaseMs, tickMs, drainMs, maxJobs, blockMs, keepDead } = options
  const tasks = new Map(options.tasks.map((task) => [task.name, task]))
  const terms = { ...options, onDeaf: giveUpOn }
  const notices = new DeadNotices(options)
  const base = keyBase(options.prefix)
  const redis = connectAlike(options.redis, `worker-${id}`)
  const blocking = connectAlike(options.redis, `worker-${id}-peek`)
  const reaper = createReaper(redis, base, keepDead, notices)
  const runCrons = createTimer(redis, base, options.crons, log)
  const startedAt = Date.now()

  /** What is in our list in Redis, as far as we know, by raw element; and what was lost to others, until it ends. */
  const jobs = new Map<string, Running<D>>()
  /** Those of them whose outcome Redis does not know yet. */
  let settled: Running<D>[] = []
  /** A job whose worker died twice: it runs alone, so that a killer takes nobody with it. */
  let suspect: Running<D> | undefined
  /** The length of our list, by Redis's last word. */
  let held = 0
  let taken = 0
  /** False while the queue is paused, or the others take us for dead. */
  let open = true
  /** The queue may hold something. */
  let mayFind = true
  let peeking = false
  /** Our list may not hold what we think. */
  let doubt = false
  let breaks = 0
  let beats = 0
  let stopping = false
  let failure: unknown
  const life = new AbortController()
  const over = () => life.signal.aborted
  const end = Promise.withResolvers<void>()
  /** Rings when there is something to do. */
  const bell = new Bell()

  redis.on('close', () => {
    // A reply may have been lost with the connection: what was taken is in the list.
    breaks++
    doubt = true
    bell.ring()
  })
  const ready = boot()
  ready.catch(fail)
  return { ready, ended: end.promise, stop }

  async function boot(): Promise<void> {
    await persist(() => checkRedis(redis, log))
    await persist(() => reaper.reap(id, ''))
    await persist(tick)
    if (over()) throw new Error('worker: stopped before it was at work')
    if (blockMs !== null) life.signal.addEventListener('abort', startWatchdog(blockMs))
    persist(work).catch(fail)
    persist(beat).catch(fail)
  }

  // Take, run, settle. Only this loop moves our jobs: at most one STEP is in flight, and a reconcile between two.
  async function work(): Promise<void> {
    while (!over()) {
      const want = room()
      if (doubt) await reconcile()
      else if (settled.length > 0 || (want > 0 && mayFind)) await step(want)
      else if (suspect && !suspect.begun && jobs.size === 1) {
        if (stopping) settle(suspect, giveBack(suspect.raw, suspect.element))
        else run(suspect)
      } else if (stopping && jobs.size === 0) break
      else if (stopping && jobs.values().every((job) => job.deaf)) {
        // The process is about to end, so that what runs on in it cannot overlap the next attempt.
        for (const job of jobs.values()) settle(job, job.fail())
      } else {
        if (want > 0 && !peeking) peek().catch(fail)
        await bell.wait()
        // Jobs that end in the same turn of the event loop are settled together.
        if (settled.length < jobs.size) await turn()
      }
    }
    await reaper.reap(id, '')
    await notices.settled()
    finish()
  }

  function room(): number {
    if (stopping || !open || suspect) return 0
    const unsettled = Math.max(held, jobs.size) - settled.length
    return Math.max(0, Math.min(concurrency - unsettled, maxJobs - taken))
  }

  async function step(want: number): Promise<void> {
    const [acks, others] = [[] as Running<D>[], [] as Running<D>[]]
    for (const job of settled) (isAck(job.outcome) ? acks : others).push(job)
    const moves = others.flatMap(({ outcome }) => (outcome ? moveArgs(outcome, keepDead) : []))
    const args = [id, concurrency, want, acks.length, ...acks.map((job) => job.raw), ...moves]
    const breaksBefore = breaks
    const [mayTake, length, raws, moved] = await call(redis, STEP, base, ...args)
    // Only now: a script that failed is repeated.
    settled = settled.slice(moved.length)
    for (const [i, job] of [...acks, ...others].entries()) {
      forget(job)
      // After a break the script may have run twice, and then the second answer says nothing.
      if (moved[i] === 0 && breaks === breaksBefore) lose(job)
      else if (job.outcome) notices.tell(job.outcome, true)
    }
    open = mayTake === 1
    held = length
    mayFind = raws.length === want
    for (const raw of raws) {
      // Bytes that are not UTF-8 were replaced in it, and a text that is not the element removes nothing.
      const element = raw.includes('\uFFFD') ? null : parseElement(raw)
      if (element) begin(raw, element)
      else doubt = true
    }
  }

  function begin(raw: string, element: Element): void {
    // Identical elements are one job, whose enqueue was sent twice; they leave our list together.
    if (jobs.has(raw)) return
    if (++taken >= maxJobs) drain().catch(fail)
    const job = new Running(raw, element, tasks.get(element.task), terms)
    jobs.set(raw, job)
    if ((element.c ?? 0) < 2) run(job)
    else if (suspect) settle(job, postpone(raw, element))
    else suspect = job
  }

  function run(job: Running<D>): void {
    if (job.unseen) show(job)
    job.run().then((outcome) => settle(job, outcome), fail)
  }

  /** The first word on what becomes of a job counts. */
  function settle(job: Running<D>, outcome: Move): void {
    if (job.outcome) return
    job.outcome = outcome
    if (job.lost) forget(job)
    else settled.push(job)
    bell.ring()
  }

  function lose(job: Running<D>): void {
    job.lost = true
    job.abort(new Error('another worker took the job over, or an operator dropped it'))
    log.warn('job taken away while it ran: it may run twice', job.fields())
    if (!job.begun) forget(job)
  }

  function forget(job: Running<D>): void {
    jobs.delete(job.raw)
    if (job === suspect) suspect = undefined
  }

  // run:<me> is the truth. What is there and not here was taken by a STEP whose reply was lost, or is looked at by its
  // bytes; what is here and not there was taken over by another worker, or dropped by an operator.
  async function reconcile(): Promise<void> {
    doubt = false
    const raws = await redis.lrangeBuffer(`${base}run:${id}`, 0, -1)
    held = 0
    for (const raw of raws) {
      const element = readElement(raw)
      if (element) held++
      if (element) begin(String(raw), element)
      else await reaper.buryMalformed(id, raw)
    }
    const listed = new Set(raws.map(String))
    for (const job of jobs.values()) if (!listed.has(job.raw) && !job.lost && !job.outcome) lose(job)
  }

  /** Waits until the queue holds something. */
  async function peek(): Promise<void> {
    peeking = true
    const queue = `${base}queue`
    // From the head to the head: it moves nothing, so neither a lost nor a late reply matters.
    const found = await persist(() => blocking.blmove(queue, queue, 'LEFT', 'LEFT', PEEK_SECONDS))
    peeking = false
    mayFind ||= typeof found === 'string'
    bell.ring()
  }

  async function beat(): Promise<void> {
    let more = false
    while (!over()) {
      if (!more) await sleep(tickMs)
      // Who has nothing in hand and is about to leave does not report back.
      more = !over() && !(stopping && jobs.size === 0) && (await tick())
    }
  }

  /** @returns whether more delayed jobs are due */
  async function tick(): Promise<boolean> {
    const running = [...jobs.values()].filter((job) => !job.outcome)
    for (const job of running) if (job.unseen) show(job)
    const me = JSON.stringify(describeWorker({ concurrency, startedAt, stopping }, running))
    const reply = await callBuffer(redis, TICK, base, id, tickMs, leaseMs, me)
    const [now, paused, more, known, stale, trimmed] = reply
    open = paused === 0
    mayFind = true
    // We were taken for dead: what has become of our jobs?
    if (known === 0 || ++beats % RECONCILE_BEATS === 0) doubt = true
    bell.ring()
    if (trimmed > 0)
      log.warn('more dead jobs than JOB_KEEP_DEAD: the oldest were thrown away', { jobs: trimmed, keepDead })
    for (const worker of stale) {
      const moved = await reaper.reap(worker, leaseMs)
      const fields = { worker: String(worker), jobs: moved }
      if (moved !== null) log.warn('worker died: its jobs are taken over', fields)
    }
    if (!stopping) await runCrons(now)
    return more === 1
  }

  /** Its owner sees how far it is. Nothing depends on it: a failure is for the log. */
  function show(job: Running<D>): void {
    job.unseen = false
    const shown = status(job.element, 'running', { progress: job.fraction ?? 0 })
    redis
      .set(`${base}r:${job.id}`, shown.status ?? '', 'PX', shown.keepMs ?? 1)
      .catch((error: unknown) => over() || log.warn('job status not kept', { ...job.fields(), error }))
  }

  function stop(): Promise<void> {
    drain().catch(fail)
    return end.promise
  }

  async function drain(): Promise<void> {
    if (stopping) return
    stopping = true
    bell.ring()
    // Nothing in hand and nobody to tell.
    if (jobs.size === 0 && redis.status !== 'ready') return finish()
    await sleep(drainMs)
    for (const job of jobs.values()) job.abort(new Error('the worker stops'))
    await sleep(LAST_CALL_MS)
    for (const job of jobs.values()) if (!job.deaf) settle(job, giveBack(job.raw, job.element))
    await sleep(GIVE_UP_MS)
    // Whoever finds the list will recover it.
    finish()
  }

  function giveUpOn(job: Running<D>): void {
    if (job.outcome || over()) return
    job.deaf = true
    failure ??= new Error(`task "${job.element.task}" runs on past its timeout and ignores its signal`)
    log.error('job runs on past its timeout: the worker ends', job.fields(true))
    drain().catch(fail)
    bell.ring()
  }

  /** Until it succeeds or all is over. If Redis is not up to it, waits a little; other errors are thrown. */
  async function persist<T>(act: () => Promise<T>): Promise<T | undefined> {
    while (!over()) {
      try {
        return await act()
      } catch (error) {
        if (over()) break
        if (!isTransient(error)) throw error
        log.warn('worker: Redis refused a command; trying again', { error })
        doubt = true
        await sleep(RETRY_REDIS_MS)
      }
    }
    return undefined
  }

  /** Ends early when all is over. */
  async function sleep(ms: number): Promise<void> {
    await timeout(ms, undefined, { signal: life.signal }).catch(() => {})
  }

  /** A part that fails ends the whole worker: a dead loop with a live heartbeat would be the worst state. */
  function fail(error: unknown): void {
    failure ??= error
    finish()
  }

  function finish(): void {
    if (over()) return
    life.abort()
    bell.ring()
    redis.disconnect()
    blocking.disconnect()
    if (failure === undefined) end.resolve()
    else end.reject(failure)
  }
}
