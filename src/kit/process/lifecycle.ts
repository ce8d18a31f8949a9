// Runs the lifecycle of one process: it boots or says why not, signals stop it in order, and no error ends it unlogged.
import { ConfigError } from '../types/config-error.ts'
import type { Log } from '../types/log.ts'
import { codeOf } from './port.ts'

/** A role that was started: what its process does with it at signals and at its end. */
export interface StartedRole {
  log: Log & { flush(): void; reopen(): void }
  /** Tells the product's hook of an error that nobody caught. */
  report?(error: unknown): Promise<void>
  /** Resolves when the role has done its share (exit 0), rejects when it cannot go on (exit 1). Absent: neither happens. */
  ended?: Promise<void>
  /** Ends the role's work at a signal; the process exits when it has resolved. */
  stop(): Promise<void>
  /** A second signal has come: the process ends at once. */
  hurry?(): void
  /** Lets go of everything after `bun --hot` has started an edited round of the same role. */
  retire(): Promise<void>
}

// `bun --hot` evaluates every module anew: what must outlive a round is parked here.
const parked = globalThis as typeof globalThis & {
  restbunRole?: StartedRole
  restbunRounds?: Promise<void>
  restbunEndingSince?: number
}

interface Round {
  isFirst: boolean
  /** Resolves when the role of the round before has let go of everything, which is after this one was started. */
  isAlone: Promise<void>
}

type Start = (round: Round) => Promise<StartedRole>

/** Starts a role. An error that an operator can fix is logged in one line without a stack; then exit 1. */
export function boot(start: Start): Promise<void> {
  // Saving several files makes several rounds at once: each retires the one before it, so they take turns.
  parked.restbunRounds = (parked.restbunRounds ?? Promise.resolve()).then(() => startRound(start))
  return parked.restbunRounds
}

async function startRound(start: Start): Promise<void> {
  const previous = parked.restbunRole
  const alone = Promise.withResolvers<void>()
  try {
    const role = await start({ isFirst: previous === undefined, isAlone: alone.promise })
    parked.restbunRole = role
    // One that was retired for an edited one has ended as well, and the process goes on.
    role.ended?.then(() => (role === parked.restbunRole ? end('its share is done') : undefined), crash)
  } catch (error) {
    process.stderr.write(`${explain(error)}\n`)
    if (previous === undefined && !isHot()) process.exit(1)
    return // until the next edit the last good round serves on, if there is one
  }
  if (previous === undefined) listenToSignals()
  else await previous.retire()
  alone.resolve()
}

const isHot = () => process.execArgv.includes('--hot')

/** True under `--hot` or a debugger, where a process that stands still is no fault. */
export const isInteractive = () => process.execArgv.some((flag) => /^--(hot|watch|inspect)/.test(flag))

function explain(error: unknown): string {
  if (error instanceof ConfigError) return error.message
  if (error instanceof Error && codeOf(error) === 'EADDRINUSE') {
    return `${error.message}: another program listens there. End it, or choose another port: PORT=8101`
  }
  if (error instanceof BuildMessage) return `${describeBroken(error)}: ${error.message}`
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}

function listenToSignals(): void {
  process.on('SIGTERM', () => void end('SIGTERM'))
  process.on('SIGINT', () => void end('SIGINT'))
  process.on('SIGUSR2', () => parked.restbunRole?.log.reopen())
  process.on('uncaughtException', crash)
  process.on('unhandledRejection', crash)
}

/** The terminal, npm and run.mjs each pass on the same Ctrl-C. */
const SAME_SIGNAL_MS = 1000

async function end(signal: string): Promise<void> {
  const role = parked.restbunRole
  if (parked.restbunEndingSince !== undefined) {
    if (role?.hurry === undefined || performance.now() - parked.restbunEndingSince < SAME_SIGNAL_MS) return
    role.hurry()
    role.log.flush()
    process.exit(1)
  }
  parked.restbunEndingSince = performance.now()
  let code = 0
  role?.log.info(`stopping (${signal})`)
  try {
    await role?.stop()
  } catch (error) {
    role?.log.error('stopping failed', { error })
    code = 1
  }
  role?.log.flush()
  process.exit(code)
}

function crash(error: unknown): void {
  // A broken edit comes by here too: the last good round serves on until the next one.
  if (isInteractive()) {
    const what = error instanceof BuildMessage ? describeBroken(error) : 'nobody caught this error'
    parked.restbunRole?.log.error(`${what}; the last version that ran serves on`, { error })
    return
  }
  const role = parked.restbunRole
  role?.log.error('nobody caught this error: the process ends', { error })
  role?.log.flush()
  if (hasCrashed) return
  hasCrashed = true
  void endAfterReport(role?.report, error)
}

/** An error tracker has to send it. Without one the process ends in this turn. */
async function endAfterReport(report: StartedRole['report'], error: unknown): Promise<void> {
  setTimeout(() => process.exit(1), LAST_REPORT_MS)
  if (report !== undefined) await report(error)
  process.exit(1)
}

const LAST_REPORT_MS = 2000
let hasCrashed = false

/** Bun keeps the place of what it could not read apart from its words. */
function describeBroken({ position }: BuildMessage): string {
  return position
    ? `an edit is broken at ${position.file}:${position.line}:${position.column}`
    : 'an edit is broken'
}
