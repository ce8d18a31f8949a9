// The queue from the command line: what waits, runs and died, and what can be done about it.
import { crons } from '../src/crons.ts'
import type { JobView, Place } from '../src/kit/jobs/places.ts'
import type { QueueAdmin } from '../src/kit/jobs/queue-admin.ts'
import type { QueueStats, Stats } from '../src/kit/jobs/stats.ts'
import { printable, printableJson } from '../src/kit/log/terminal-escape.ts'
import { oneOf, readArguments, runCommand, UsageError } from './command.ts'
import { withDeps } from './with-deps.ts'

const PLACES: readonly Place[] = ['waiting', 'running', 'later', 'dead']
const CRON_NAMES = crons.map((cron) => cron.name)
/** The commands, and how many arguments each takes, from and to. */
const TAKES = {
  stats: [0, 0],
  list: [1, 1],
  show: [1, 1],
  retry: [1, 1],
  drop: [1, 1],
  pause: [0, 1],
  resume: [0, 1],
  run: [1, 1],
} as const

const USAGE = `Usage: npm run jobs -- stats [--watch]
       npm run jobs -- list <${PLACES.join('|')}> [--page <n>]
       npm run jobs -- show <id>
       npm run jobs -- retry <id> | retry all
       npm run jobs -- drop <id>
       npm run jobs -- pause [<queue>] | resume [<queue>]
       npm run jobs -- run <cron>       (${CRON_NAMES.join(', ')})
--json prints JSON, for scripts.`

const REFRESH_MS = 1000

await runCommand(USAGE, () => {
  const { command, argument, json, watch, page } = readCommand()
  const show = <T>(value: T, describe: (value: T) => string) =>
    console.log(json ? printableJson(JSON.stringify(value)) : describe(value))
  return withDeps({ logLevel: 'silent', migrates: false }, async ({ deps: { cronAdmin, queueAdmin } }) => {
    if (command === 'stats') {
      do {
        const stats = await queueAdmin.stats()
        if (watch && !json) console.log('\x1b[2J\x1b[H')
        show(stats, describeStats)
        if (watch) await Bun.sleep(REFRESH_MS)
      } while (watch)
    } else if (command === 'list') {
      const jobs = await queueAdmin.list(argument as Place, page)
      show(jobs, (all) => all.map(describeJob).join('\n') || `nothing ${argument}`)
    } else if (command === 'run') {
      const enqueued = await cronAdmin.run(argument)
      if (enqueued === undefined) throw new Error(`There is no cron "${argument}"`)
      show(enqueued, ({ id, added }) => (added ? `enqueued ${id}` : `its last run has not ended yet: ${id}`))
    } else show(await change(queueAdmin, command, argument), String)
  })
})

/** @returns what was done, in words */
async function change(queueAdmin: QueueAdmin, command: string, id: string): Promise<string> {
  switch (command) {
    case 'show': {
      const job = await queueAdmin.show(id)
      return printableJson(JSON.stringify(found(job, id), null, 2))
    }
    case 'retry': {
      const moved = await queueAdmin.retry(id === 'all' ? 'all' : { id })
      if (id !== 'all') found(moved || undefined, id)
      return `${moved} back in the queue`
    }
    case 'drop':
      found((await queueAdmin.drop(id)) || undefined, id)
      return `dropped ${id}`
    case 'pause':
      known(await queueAdmin.pause(id || undefined), id)
      return `paused${id && ` ${id}`}: workers finish what they run, and take nothing more`
    default:
      known(await queueAdmin.resume(id || undefined), id)
      return `resumed${id && ` ${id}`}`
  }
}

function known(is: boolean, queue: string): void {
  if (!is) throw new Error(`There is no queue ${queue}: npm run jobs -- stats names them`)
}

function found<T>(job: T | undefined, id: string): T {
  if (job === undefined) throw new Error(`There is no such job: ${id}. It may have ended`)
  return job
}

function readCommand() {
  const flag = { type: 'boolean', default: false } as const
  const { values, positionals } = readArguments(
    { json: flag, watch: flag, page: { type: 'string', default: '1' } },
    2,
  )
  const [name = 'stats', argument = ''] = positionals
  const command = oneOf(name, Object.keys(TAKES) as (keyof typeof TAKES)[], 'command')
  if (command === 'list') oneOf(argument, PLACES, 'place')
  if (command === 'run') oneOf(argument, CRON_NAMES, 'cron')
  const [least, most] = TAKES[command]
  const given = positionals.slice(1).length
  if (given < least || given > most)
    throw new UsageError(`${command} takes ${least === most ? least : `${least} or ${most}`} argument(s)`)
  const page = Number(values.page)
  if (!Number.isSafeInteger(page) || page < 1) throw new UsageError('--page takes a whole number from 1')
  return { ...values, command, argument, page }
}

function describeStats(stats: Stats): string {
  const { minutes, workers, queues } = stats
  const last = minutes.at(-2)
  const hour = minutes.reduce((sum, { done }) => sum + done, 0)
  return [
    describePlaces(stats),
    ...(Object.keys(queues).length > 1 ? Object.entries(queues).map(describeQueue) : []),
    `done in the last full minute ${last?.done ?? 0}, failed attempts ${last?.failed ?? 0}; done in the last hour ${hour}`,
    ...workers.map(({ id, alive, jobs, beat }) => {
      const doing = beat?.running.map((job) => `${job.task} ${job.id}`).join(', ') || 'idle'
      const state = alive ? '' : ' (no sign of life)'
      return printable(`worker ${id}${state}: ${jobs} of ${beat?.concurrency ?? '?'}, ${doing}`)
    }),
    ...(workers.length === 0 ? ['no worker is running'] : []),
  ].join('\n')
}

function describeQueue([name, queue]: [string, QueueStats]): string {
  const unserved = queue.workers.some(({ alive }) => alive) ? '' : '  no worker serves it'
  return `queue ${name}: ${describePlaces(queue)}${unserved}`
}

function describePlaces({ waiting, limited, running, later, dead, trimmed, paused }: QueueStats): string {
  const notes = [
    limited > 0 && ` (${limited} for a limit)`,
    trimmed > 0 && ` (${trimmed} older ones were thrown away)`,
    paused && '  PAUSED',
  ].map((note) => note || '')
  return `waiting ${waiting}${notes[0]}  running ${running}  later ${later}  dead ${dead}${notes[1]}${notes[2]}`
}

function describeJob({ id, task, data, failures, crashes, due, error }: JobView): string {
  const parts = [id, task, JSON.stringify(data)]
  if (failures + crashes > 0) parts.push(`failed ${failures}, crashed ${crashes}`)
  // Anybody may write to Redis: what is delayed need not be due at a moment that a date can hold.
  if (due !== undefined) parts.push(`due ${new Date(due).toJSON() ?? due}`)
  if (error !== undefined) parts.push(error)
  return printable(parts.join('  '))
}
