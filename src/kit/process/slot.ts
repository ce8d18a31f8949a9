// Keeps one place filled: restarts a dead process. During a replacement the old one serves until the new one is ready, or
// stands by where two must not run at once.
import type { ReportUnexpected } from '../log/unexpected.ts'
import type { Log } from '../types/log.ts'
import type { Child, State } from './child.ts'
import type { ProcessKind } from './kinds.ts'

/** Starts a process for the place. @throws if it cannot even be started */
type Start = (id: string, replacing: boolean) => Child

/** A process that has lived this long did not die of its start. */
const SHORT_LIFE_MS = 5000
const BACKOFF_MIN_MS = 250
const BACKOFF_MAX_MS = 30_000

export class Slot {
  /** In the place: it serves, or boots because none does. */
  current: Child | undefined
  /** Boots while `current` serves. */
  successor: Child | undefined
  /** Processes that died unasked, and why the last change was made. */
  restarts = 0
  lastReason = ''
  /** Every process of the place that is not gone, those that drain too. */
  readonly alive = new Set<Child>()
  /** Of `current`, and of the one that is started when it dies. */
  #id: string
  #takeovers = 0
  #shortLives = 0
  #closed = false
  #timer: ReturnType<typeof setTimeout> | undefined

  /**
   * @param base begins the id of its processes. One that follows on a dead one has its id, and so finds its jobs;
   *   two that live at the same time never have the same.
   */
  constructor(
    readonly name: string,
    /** As it was declared last. */
    public kind: ProcessKind,
    private readonly base: string,
    private readonly told: { log: Log; report: ReportUnexpected },
    private readonly start: Start,
  ) {
    this.#id = `${base}-0`
  }

  get state(): State {
    return this.current?.state ?? 'gone'
  }

  /** Starts a process where there is none. */
  fill(): void {
    if (this.#closed || this.current || this.successor) return
    if (!this.kind.overlap && this.alive.size > 0) {
      void Promise.all([...this.alive].map(({ gone }) => gone)).then(() => this.fill())
      return
    }
    try {
      this.current = this.#watch(this.start(this.#id, false))
    } catch (error) {
      this.told.log.error(`${this.name} cannot be started`, { error })
      this.#shortLives++
      this.#fillLater()
    }
  }

  /**
   * Puts a new process in the place of the one that serves, as soon as it is ready or stands by; the old one drains.
   * @returns what went wrong; then the old one serves on, unless the new one did not get ready after it
   */
  async replace(why: string): Promise<string | undefined> {
    const id = `${this.base}-${++this.#takeovers}`
    try {
      this.successor = this.#watch(this.start(id, true))
      await this.successor.prepared
    } catch (error) {
      this.successor = undefined
      this.fill() // the old one may have died meanwhile
      return messageOf(error)
    }
    const [old, next] = [this.current, this.successor]
    this.current = next
    this.successor = undefined
    this.#id = id
    this.lastReason = why
    if (this.#closed) next.retire()
    if (old) this.told.log.info(`${old.title} retires: ${why}`)
    old?.retire()
    await old?.gone
    next.begin()
    return next.ready.then(() => undefined, messageOf)
  }

  /** Retires what is there, and resolves when all of it is gone. */
  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#timer)
    for (const child of this.alive) child.retire()
    await Promise.all([...this.alive].map((child) => child.gone))
  }

  #watch(child: Child): Child {
    this.alive.add(child)
    void child.gone.then(() => this.#onGone(child))
    return child
  }

  #onGone(child: Child): void {
    this.alive.delete(child)
    const wasAsked = this.#closed || (child !== this.current && child !== this.successor)
    if (wasAsked) this.told.log.info(`${child.title} is gone: ${child.end}`)
    else this.told.log.error(`${child.title} died: ${child.end}`)
    const endedWell = child.exitCode === 0 && this.kind.isVital // a worker, after MAX_JOBS; a program was to go on
    // Behind the colon stands what it has said, which may be anything.
    if (!wasAsked && !endedWell)
      void this.told.report(new Error(`${this.name} died: ${child.end.replace(/:.*/s, '')}`), {
        in: 'process',
        role: this.kind.name,
        what: 'died',
      })
    if (this.#closed || child !== this.current) return
    this.current = undefined
    this.restarts++
    this.lastReason = child.end
    this.#shortLives = child.age > SHORT_LIFE_MS || endedWell ? 0 : this.#shortLives + 1
    // Its successor takes the place as soon as it is ready.
    if (!this.successor) this.#fillLater()
  }

  /** At once, unless it keeps dying. */
  #fillLater(): void {
    const delay =
      this.#shortLives < 2 ? 0 : Math.min(BACKOFF_MIN_MS * 2 ** (this.#shortLives - 2), BACKOFF_MAX_MS)
    if (delay > 0) this.told.log.warn(`${this.name} keeps dying: the next start is in ${delay} ms`)
    this.#timer = setTimeout(() => this.fill(), delay)
  }
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error))
