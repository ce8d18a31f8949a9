// Reports to the supervisor that started this process, if one did: its progress, its heartbeat and its requests.
import { parseArgs } from 'node:util'
import type { Observe } from '../http/env.ts'
import type { Watched } from '../create-deps.ts'
import { countWork } from './query-metrics.ts'
import { countRequests } from './request-metrics.ts'
import { Scoreboard } from './scoreboard.ts'

const HEARTBEAT_MS = 100
const MEASURE_MS = 1000
const RETRY_MS = 100
const TURN_POLL_MS = 20

/**
 * Reads from the command line whether there is a supervisor, and from then on keeps the scoreboard. Where there is none,
 * nothing that is returned does anything.
 * @param watched what its metrics tell of beside requests
 */
export function joinSupervisor(watched: Watched) {
  const { board: path, metrics, id, replacing = false, 'stand-by': standsBy = false } = readArguments()
  const board = path === undefined ? undefined : Scoreboard.open(path)
  const counts = metrics === undefined ? undefined : countRequests(metrics)
  const work = metrics === undefined ? undefined : countWork(metrics, watched)
  if (board) startHeartbeat(board)
  const observe: Observe | undefined =
    board &&
    ((method, request, requestId) => {
      const ticket = board.begin(`${method} ${request} ${requestId}`)
      return (route, status, ms) => {
        board.end(ticket)
        counts?.count(method, route, status, ms)
      }
    })
  return {
    isSupervised: board !== undefined,
    /** For the queue: a process that restarts a dead one has its id, one that replaces a live one has another. */
    id,
    observe,
    /**
     * A process that replaces another waits for its services before it takes requests: until then the other one serves.
     * Where the two must not run at once it stands by then, until the other one is gone.
     * Any other does not wait: while Postgres is away, somebody has to say so.
     */
    async waitIfReplacing(checkServices: () => Promise<void>): Promise<void> {
      if (board && replacing) await retryUntilAvailable(checkServices, board)
      if (!board || !standsBy) return
      board.progress = 'standby'
      while (!board.mayBegin) await Bun.sleep(TURN_POLL_MS)
      board.progress = 'booting'
    },
    /** Says what it waits for, or why it does not get ready. */
    note(text: string): void {
      if (board) board.note = text
    },
    /** It runs. It is reported ready as soon as its services have answered. */
    reportUp(checkServices: () => Promise<void>): void {
      if (!board) return
      board.progress = 'up'
      void retryUntilAvailable(checkServices, board).then(() => {
        if (board.progress === 'up') board.progress = 'ready'
      })
    },
    reportDraining(): void {
      if (board) board.progress = 'draining'
    },
    /** Writes the last counts of its requests and queries. */
    writeCounts(): void {
      counts?.write()
      work?.write()
    },
  }
}

/** What the supervisor tells a process on its command line; `program` and `list` are for programs. */
export function readArguments() {
  const { values } = parseArgs({
    args: process.argv.slice(2),
    options: {
      board: { type: 'string' },
      metrics: { type: 'string' },
      id: { type: 'string' },
      replacing: { type: 'boolean' },
      'stand-by': { type: 'boolean' },
      program: { type: 'string' },
      list: { type: 'boolean' },
    },
  })
  return values
}

/** Resolves as soon as the services answer; until then the scoreboard says why they do not. */
async function retryUntilAvailable(checkServices: () => Promise<void>, board: Scoreboard): Promise<void> {
  for (;;) {
    try {
      return await checkServices()
    } catch (error) {
      board.note = error instanceof Error ? error.message : String(error)
      await Bun.sleep(RETRY_MS)
    }
  }
}

function startHeartbeat(board: Scoreboard): void {
  let last = performance.now()
  let measuredAt = -Infinity
  let worstLagMs = 0
  const heartbeat = () => {
    const now = performance.now()
    worstLagMs = Math.max(worstLagMs, now - last - HEARTBEAT_MS)
    last = now
    board.heartbeat()
    if (now - measuredAt < MEASURE_MS) return
    board.measure(worstLagMs, process.memoryUsage.rss())
    measuredAt = now
    worstLagMs = 0
  }
  setInterval(heartbeat, HEARTBEAT_MS).unref()
  heartbeat()
}
