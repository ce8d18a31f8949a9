// Moves jobs from the queue to the worker's own list, and from there to where they go when they have settled.
import type { Redis } from 'ioredis'
import type { Connection } from './connection.ts'
import type { DeadNotices } from './dead.ts'
import { parseElement, readElement } from './element.ts'
import type { Bell } from './bell.ts'
import type { InFlight } from './in-flight.ts'
import { call } from './lua.ts'
import { isAck, moveArgs } from './moves.ts'
import type { WorkerSettings } from './options.ts'
import type { Reaper } from './reaper.ts'
import type { RunningJob } from './running-job.ts'
import { STEP } from './scripts.ts'

const PEEK_SECONDS = 2
/** What `move` of library.ts returns for a job whose owner has cancelled it. */
const CANCELLED = 2

interface Parts<D> extends Pick<WorkerSettings, 'id' | 'base' | 'keepDead' | 'log'> {
  connection: Connection
  /** For the blocking wait, which holds up all commands behind it. */
  blocking: Redis
  bell: Bell
  inFlight: InFlight<D>
  notices: DeadNotices<D>
  reaper: Reaper
}

export class Fetcher<D> {
  /** False while the queue is paused, or the others take us for dead. */
  #isOpen = true
  #isPeeking = false
  #wakeAt = Infinity
  /** Our list may not hold what we think. */
  inDoubt = false

  constructor(readonly parts: Parts<D>) {}

  /** It is to be reconciled: a reply may have been lost with its connection. */
  doubt(): void {
    this.inDoubt = true
    this.parts.bell.ring()
  }

  /** The heartbeat has found the queue open or paused; where it is open there may be something new in it. */
  look(isOpen: boolean): void {
    this.#isOpen = isOpen
    this.parts.inFlight.isHungry = isOpen
    this.parts.bell.ring()
  }

  /** How many jobs are wanted now. */
  get want(): number {
    const { inFlight } = this.parts
    return this.#isOpen ? inFlight.slots.room(inFlight) : 0
  }

  /** A step would move something. */
  get mayStep(): boolean {
    const { settled, isHungry } = this.parts.inFlight
    return settled.length > 0 || (isHungry && this.want > 0)
  }

  /** Settles what has ended and takes what is wanted, in one script. */
  async step(): Promise<void> {
    const { id, base, keepDead, connection, inFlight, notices } = this.parts
    const { want } = this
    // Sent twice, it takes no more: the other slots are those of other queues.
    const most = inFlight.used + want
    const [acks, others] = [[] as RunningJob<D>[], [] as RunningJob<D>[]]
    for (const job of inFlight.settled)
      (job.outcome && isAck(job.outcome, job.element) ? acks : others).push(job)
    const moves = others.flatMap(({ outcome }) => (outcome ? moveArgs(outcome, keepDead) : []))
    const args = [id, most, want, acks.length, ...acks.map((job) => job.raw), ...moves]
    const { breaks } = connection
    inFlight.asked = want
    const [mayTake, length, raws, moved, wakeMs, ended] = await call(
      connection.redis,
      STEP,
      base,
      ...args,
    ).finally(() => (inFlight.asked = 0))
    // Only now: a script that failed is repeated.
    inFlight.release(moved.length)
    for (const [i, job] of [...acks, ...others].entries()) {
      // After a break the script may have run twice, and then the second reply says nothing.
      if (moved[i] === 0 && breaks === connection.breaks) inFlight.lose(job)
      else if (job.outcome && moved[i] !== CANCELLED) notices.tell(job.outcome, true)
    }
    for (let i = 0; i < ended.length; i += 2) this.#report(ended[i], ended[i + 1])
    this.#isOpen = mayTake === 1
    inFlight.listed = length
    if (want > 0) inFlight.isHungry = this.#isOpen && (raws.length === want || wakeMs === 0)
    if (wakeMs > 0) this.#wakeAfter(wakeMs)
    for (const raw of raws) {
      // Bytes that are not UTF-8 were replaced in it, and a text that is not the element removes nothing.
      const element = raw.includes('\uFFFD') ? null : parseElement(raw)
      if (element) inFlight.begin(raw, element)
      else this.inDoubt = true
    }
    if (!inFlight.isHungry) inFlight.slots.changed(inFlight)
  }

  #report(why: string | undefined, raw = ''): void {
    const { id: job, task, rid: requestId } = parseElement(raw) ?? {}
    const fields = { job, task, requestId }
    if (why === 'late') this.parts.log.warn('job could not be started in time: it is not run', fields)
    else this.parts.log.info('job was cancelled before it started', fields)
  }

  // A key starts again by its rate before the heartbeat would look.
  #wakeAfter(ms: number): void {
    const at = performance.now() + ms
    if (at >= this.#wakeAt) return
    this.#wakeAt = at
    setTimeout(() => {
      this.#wakeAt = Infinity
      this.look(this.#isOpen)
    }, ms).unref()
  }

  // run:<me> is the truth. What is there and not here was taken by a STEP whose reply was lost, or is looked at by its
  // bytes; what is here and not there was taken over by another worker, or dropped by an operator.
  async reconcile(): Promise<void> {
    const { id, base, connection, inFlight, reaper } = this.parts
    this.inDoubt = false
    const raws = await connection.redis.lrangeBuffer(`${base}run:${id}`, 0, -1)
    inFlight.listed = 0
    for (const raw of raws) {
      const element = readElement(raw)
      if (element) inFlight.listed++
      if (element) inFlight.begin(String(raw), element)
      else await reaper.moveMalformedToDead(id, raw)
    }
    inFlight.loseOthers(new Set(raws.map(String)))
  }

  /** Nothing is known to wait, and nobody looks out for it yet. */
  get mayPeek(): boolean {
    const { inFlight, connection } = this.parts
    return !this.#isPeeking && this.#isOpen && !inFlight.isHungry && !connection.lifetime.isStopping
  }

  /** Waits until the queue holds something. */
  async peek(): Promise<void> {
    const { base, connection, blocking, bell, inFlight } = this.parts
    this.#isPeeking = true
    const queue = `${base}queue`
    // From the head to the head: it moves nothing, so neither a lost nor a late reply matters.
    const found = await connection.retryUntilAvailable(() =>
      blocking.blmove(queue, queue, 'LEFT', 'LEFT', PEEK_SECONDS),
    )
    this.#isPeeking = false
    if (this.#isOpen && typeof found === 'string') inFlight.isHungry = true
    bell.ring()
  }
}
