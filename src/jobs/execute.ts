// One run of one job: its task, its deadline, and what becomes of it.
import type { Log } from '../deps.ts'
import { bury, finish, giveBack, retry, type Move } from './element.ts'
import type { Running } from './running.ts'
import { JobError, type InputSchema, type Task } from './task.ts'

/** The longest error text that is kept with a job. */
const MAX_ERROR = 2000
/** Characters of JSON: a result lies in Redis until its time is over. */
const MAX_RESULT = 1024 * 1024

export interface Execution<D> {
  deps: D
  log: Log
  /** What a task gets to end after its signal has fired, ms. */
  graceMs: number
  describe: (error: unknown) => string
  /** It has not ended by then. */
  onDeaf: (job: Running) => void
}

/** Resolves with what becomes of the job; never rejects for what the task throws. */
export async function execute<D>(job: Running, task: Task<InputSchema, D>, how: Execution<D>): Promise<Move> {
  const { raw, element } = job
  job.timer = setTimeout(() => {
    job.abort(new DOMException(`timed out after ${task.timeoutMs} ms`, 'TimeoutError'))
    job.timer = setTimeout(() => how.onDeaf(job), how.graceMs)
  }, task.timeoutMs)
  try {
    const result = await task.execute(element.data, job, how.deps)
    const end = finish(raw, element, result)
    const size = end.status?.length ?? 0
    // Another attempt would end the same.
    if (size > MAX_RESULT) return failed(job, { ...task, attempts: 1 }, how, tooLarge(size))
    how.log.info('job done', job.fields(true))
    return end
  } catch (error) {
    // Stopped by us, not failed: at the end of a drain, or because it is not ours any more.
    if (job.aborted && job.aborted.name !== 'TimeoutError') {
      how.log.warn('job stopped', { ...job.fields(true), error })
      return giveBack(raw, element)
    }
    return failed(job, task, how, error)
  } finally {
    clearTimeout(job.timer)
  }
}

const tooLarge = (size: number) =>
  new JobError(
    `The result is too large to be kept: ${size} characters of JSON, at most ${MAX_RESULT} are allowed`,
  )

/** After an attempt that failed: another one, later and later, or the dead. */
export function failed<D>(
  job: Running,
  { attempts, backoff }: Pick<Task<InputSchema, D>, 'attempts' | 'backoff'>,
  { log, describe }: Pick<Execution<D>, 'log' | 'describe'>,
  error: unknown,
): Move {
  const { raw, element } = job
  const n = (element.n ?? 0) + 1
  const after = { ...element, n, error: describe(error).slice(0, MAX_ERROR) }
  if (n >= attempts) {
    log.error('job failed for the last time: it goes to the dead', { ...job.fields(true), error })
    return bury(raw, after, error instanceof JobError ? error.message : undefined)
  }
  const wait = Math.min(backoff.maxMs, backoff.minMs * 2 ** (n - 1))
  const delayMs = Math.round(wait * (0.5 + Math.random() / 2))
  log.warn('job failed: it is tried again', { ...job.fields(true), delayMs, error })
  return retry(raw, after, delayMs)
}
