// What a process tells the supervisor that started it, if one did: how far it is, that its event loop turns, what it serves.
import { parseArgs } from 'node:util'
import type { Observe } from '../web/env.ts'
import { countRequests } from './request-metrics.ts'
import { Scoreboard } from './scoreboard.ts'

const BEAT_MS = 100
const MEASURE_MS = 1000
const RETRY_MS = 100

/** A process's side of the bond. Started by hand it has no supervisor, and nothing here does anything. */
export interface Supervised {
  isSupervised: boolean
  /** For the queue: a process that follows on a dead one has its id, one that replaces a live one has another. */
  id: string | undefined
  observe: Observe | undefined
  /**
   * A process that replaces another waits for its services before it takes requests: until then the other one serves.
   * Any other does not wait: while Postgres is away, somebody has to say so.
   */
  beforeServing(servicesAnswer: () => Promise<void>): Promise<void>
  /** It runs; it is ready as soon as its services have answered. */
  serves(servicesAnswer: () => Promise<void>): void
  drains(): void
  /** Writes what is to be known of it when it is gone. */
  ends(): void
}

/** Reads from the command line whether there is a supervisor, and from then on keeps its scoreboard. */
export function joinSupervisor(): Supervised {
  const { board: path, metrics, id, replacing = false } = readArguments()
  if (path === undefined) return ALONE
  const counts = metrics === undefined ? undefined : countRequests(metrics)
  const board = Scoreboard.open(path)
  keepBeating(board)
  return {
    isSupervised: true,
    id,
    observe: (method, request, requestId) => {
      const ticket = board.begin(`${method} ${request} ${requestId}`)
      return (route, status, ms) => {
        board.end(ticket)
        counts?.count(method, route, status, ms)
      }
    },
    async beforeServing(servicesAnswer) {
      if (replacing) await insist(servicesAnswer, board)
    },
    serves(servicesAnswer) {
      board.progress = 'up'
      void insist(servicesAnswer, board).then(() => {
        if (board.progress === 'up') board.progress = 'ready'
      })
    },
    drains() {
      board.progress = 'draining'
    },
    ends() {
      counts?.write()
    },
  }
}

const ALONE: Supervised = {
  isSupervised: false,
  id: undefined,
  observe: undefined,
  beforeServing: async () => {},
  serves() {},
  drains() {},
  ends() {},
}

function readArguments() {
  const { values } = parseArgs({
    args: process.argv.slice(2),
    options: {
      board: { type: 'string' },
      metrics: { type: 'string' },
      id: { type: 'string' },
      replacing: { type: 'boolean' },
    },
  })
  return values
}

async function insist(servicesAnswer: () => Promise<void>, board: Scoreboard): Promise<void> {
  for (;;) {
    try {
      return await servicesAnswer()
    } catch (error) {
      board.note = error instanceof Error ? error.message : String(error)
      await Bun.sleep(RETRY_MS)
    }
  }
}

function keepBeating(board: Scoreboard): void {
  let last = performance.now()
  let measuredAt = -Infinity
  let worst = 0
  const beat = () => {
    const now = performance.now()
    worst = Math.max(worst, now - last - BEAT_MS)
    last = now
    board.beat()
    if (now - measuredAt < MEASURE_MS) return
    board.measure(worst, process.memoryUsage.rss())
    measuredAt = now
    worst = 0
  }
  setInterval(beat, BEAT_MS).unref()
  beat()
}
