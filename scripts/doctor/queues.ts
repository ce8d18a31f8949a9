// The queues: whether each that a task names is served, and each that is served is named.
import type { QueueStats } from '../../src/kit/jobs/stats.ts'
import { type Finding, ok, warn } from './finding.ts'

/**
 * @param served of WORKER_QUEUES; undefined: all
 * @param workers of all queues that run anywhere, by queue
 */
export function judgeQueues(
  tasks: readonly { name: string; queue: string }[],
  served: readonly { name: string }[] | undefined,
  workers: Record<string, Pick<QueueStats, 'workers'>>,
): Finding {
  const check = 'queues'
  const named = Map.groupBy(tasks, ({ queue }) => queue)
  const live = (queue: string) => workers[queue]?.workers.some(({ alive }) => alive) === true
  const isRunning = Object.keys(workers).some(live)
  const unserved = isRunning ? [...named.keys()].filter((queue) => !live(queue)) : []
  if (unserved.length > 0) {
    const what = unserved.map(
      (queue) =>
        `${queue} (${named
          .get(queue)
          ?.map(({ name }) => name)
          .join(', ')})`,
    )
    return warn(
      check,
      `no live worker serves ${what.join('; ')}: these tasks wait`,
      'Name it in the WORKER_QUEUES of a worker, or unset that; then npm run reload',
    )
  }
  const unknown = (served ?? []).filter(({ name }) => !named.has(name) && name !== 'default')
  if (unknown.length > 0) {
    const names = unknown.map(({ name }) => name).join(', ')
    return warn(check, `WORKER_QUEUES names ${names}, and no task does`, 'Correct the name, or take it out')
  }
  const names = [...named.keys()].join(', ') || 'none'
  return ok(check, isRunning ? `${names}: served` : `${names}; no worker is running`)
}
