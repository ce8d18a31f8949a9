// Keeps the status of running jobs up to date for their owners, and hears when one is cancelled. A failure is only logged.
import type { Redis } from 'ioredis'
import type { Log } from '../types/log.ts'
import type { Lifetime } from './lifetime.ts'
import { library } from './library.ts'
import { call, script } from './lua.ts'
import type { RunningJob } from './running-job.ts'
import { status } from './status.ts'

/**
 * (me, raw, id, status or '', keepMs) -> 0 if its owner has cancelled the job. Tells the owner of a running job how far
 * it is, unless it is in our list no more: where Redis has forgotten the script it is sent again, behind what came next.
 */
const SHOW = script<number>(`
${library('stateOf')}
local me, raw, id, status = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local isCancelled = stateOf(id) == 'cancelled'
if status ~= '' and not isCancelled and redis.call('LPOS', base..'run:'..me, raw) then
  redis.call('SET', base..'r:'..id, status, 'PX', ARGV[5])
end
return isCancelled and 0 or 1`)

/** @returns writes down how far a job is, if that is news to its owner, and aborts it if its owner has cancelled it */
export function createProgress(me: string, redis: Redis, base: string, log: Log, lifetime: Lifetime) {
  return <D>(job: RunningJob<D>): void => {
    const { element, id, unseen } = job
    if (!unseen && !element.gate?.c) return
    job.unseen = false
    const shown = unseen ? status(element, 'running', { progress: job.fraction ?? 0 }) : {}
    call(redis, SHOW, base, me, unseen ? job.raw : '', id, shown.status ?? '', shown.keepMs ?? 0).then(
      (isWanted) => {
        if (isWanted === 0) job.abort(new DOMException('its owner cancelled the job', 'AbortError'))
      },
      (error: unknown) => {
        if (!lifetime.isOver) log.warn('job status not kept', { ...job.fields(), error })
      },
    )
  }
}
