// Describes queues and tasks for Prometheus: where jobs are, how long they wait and run, and how they end.
import type { QueueStats, Stats } from '../jobs/stats.ts'
import { bucketMs, type Durations } from '../jobs/durations.ts'
import type { TaskStats } from '../jobs/task-stats.ts'
import { counter, gauge, histogram, type Sample } from './prometheus-text.ts'

export function describeQueues({ workers, queues }: Stats): string[] {
  const of = (samples: (queue: QueueStats) => Sample[]) =>
    Object.entries(queues).flatMap(([queue, stats]) =>
      samples(stats).map((sample) => ({ ...sample, labels: { queue, ...sample.labels } })),
    )
  const places = ['waiting', 'running', 'later', 'dead'] as const
  const alive = (all: Stats['workers']) => all.filter((worker) => worker.alive).length
  const tooMany = 'Dead jobs that were thrown away because there were more than JOB_KEEP_DEAD, ever.'
  return [
    gauge(
      'queue_jobs',
      'Jobs, by where they are.',
      of((stats) => places.map((place) => ({ labels: { place }, value: stats[place] }))),
    ),
    gauge(
      'queue_jobs_limited',
      'Of the waiting jobs: those that wait for the limit of their key.',
      of(({ limited }) => [{ value: limited }]),
    ),
    gauge(
      'queue_lag_seconds',
      'How long the first in line has waited since it could start.',
      of(({ lagMs }) => (lagMs === undefined ? [] : [{ value: lagMs / 1000 }])),
    ),
    counter(
      'queue_deaths_total',
      'Jobs that were given up, ever.',
      of(({ died }) => [{ value: died }]),
    ),
    counter(
      'queue_dead_trimmed_total',
      tooMany,
      of(({ trimmed }) => [{ value: trimmed }]),
    ),
    gauge('queue_workers', 'Workers that are alive, on all machines.', [{ value: alive(workers) }]),
    gauge(
      'queue_served_by',
      'Those of them that serve the queue.',
      of((stats) => [{ value: alive(stats.workers) }]),
    ),
    gauge(
      'queue_paused',
      '1: workers take nothing.',
      of(({ paused }) => [{ value: paused ? 1 : 0 }]),
    ),
  ]
}

/** Of the buckets that are kept, those that Prometheus is told: 1 ms to 4.7 h, each eight times the one before. */
const EVERY = 6
const MAX_TASKS = 500

export function describeTasks(all: TaskStats[]): string[] {
  const tasks = all.slice(0, MAX_TASKS)
  const attempts = tasks.flatMap(({ task, queue, done, failed }): Sample[] => [
    { labels: { queue, task, outcome: 'done' }, value: done },
    { labels: { queue, task, outcome: 'failed' }, value: failed },
  ])
  const durations = (of: (stats: TaskStats) => Durations) =>
    tasks.map((stats) => ({ labels: { queue: stats.queue, task: stats.task }, ...cumulative(of(stats)) }))
  const bounds = Array.from({ length: 9 }, (_, i) => bucketMs(i * EVERY) / 1000)
  const ran = 'Time that attempts of a task ran.'
  const waited = 'Time from when a job could start to its start.'
  return [
    counter('job_attempts_total', 'Attempts of a task that ended, on all machines.', attempts),
    histogram(
      'job_run_duration_seconds',
      ran,
      bounds,
      durations(({ run }) => run),
    ),
    histogram(
      'job_wait_duration_seconds',
      waited,
      bounds,
      durations(({ wait }) => wait),
    ),
  ]
}

function cumulative({ count, sumMs, buckets }: Durations) {
  let sum = 0
  const up = buckets.map((n) => (sum += n))
  return { count, seconds: sumMs / 1000, within: up.filter((_, i) => i % EVERY === 0) }
}
