// The queue benchmark: this project, BullMQ, GroupMQ and the raw commands of Redis, in turn in one run, medians of the rounds.
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { hasRedisServer, startRedis } from '../../../test/kit/jobs/real-redis.ts'
import { median } from '../quantile.ts'
import { KEYS, type Contestant } from './contestant.ts'
import { KEYED, PLAIN } from './contestants.ts'
import { flood, type Kit } from './flood.ts'
import { KEYED_MEASURES, MEASURES, type Measure } from './measures.ts'

const ROOT = join(import.meta.dir, '../../..')

const rounds = Number(process.argv[2])
if (!(rounds >= 1)) throw new Error(`--rounds ${process.argv[2]} is no number above 0`)
// The embedded Redis is for development: its figures would mean nothing.
if (!hasRedisServer()) {
  throw new Error('bench:queue needs a redis-server on PATH (Debian: apt-get install redis-server)')
}

/** All values by what was measured and the contestant's name. */
type Figures = Map<string, Map<string, number[]>>

const server = await startRedis(['--appendfsync', 'everysec'])
const admin = new Redis(server.url)
try {
  const plain = await compare(PLAIN, MEASURES)
  const withKeys = await compare(KEYED, KEYED_MEASURES)
  const version = /redis_version:(\S+)/.exec(await admin.info('server'))?.[1]
  console.log(`Medians of ${rounds} rounds, Bun ${Bun.version}, Redis ${version} (AOF everysec).\n`)
  printTable(plain, PLAIN)
  console.log(`\nOne job at a time for each of ${KEYS} keys\n`)
  printTable(withKeys, KEYED)
  const before = process.env.BENCH_BEFORE
  for (const root of [ROOT, ...(before ? [before] : [])]) {
    await admin.flushall()
    const { median: middle, longest } = await flood(await kitOf(root), server.url)
    const which = root === ROOT ? 'here' : 'before'
    console.log(
      `\nA mail beside 100,000 jobs, ${which}: median ${show(middle)} ms, longest ${show(longest)} ms`,
    )
  }
} finally {
  admin.disconnect()
  await server.remove()
}
process.exit(0)

async function kitOf(root: string): Promise<Kit> {
  const parts = ['queue', 'worker', 'task'].map((name) => import(join(root, `src/kit/jobs/${name}.ts`)))
  return Object.assign({}, ...(await Promise.all(parts)))
}

async function compare(contestants: Contestant[], measures: Measure[]): Promise<Figures> {
  const figures: Figures = new Map()
  for (let round = 0; round < rounds; round++) {
    for (const measure of measures) {
      // Each measure in turn by all, so that a noisy minute is everybody's; nobody is always first.
      for (let i = 0; i < contestants.length; i++) {
        const contestant = contestants[(i + round) % contestants.length]
        if (!contestant) continue
        await admin.flushall()
        for (const [what, value] of Object.entries(await measure(contestant, { url: server.url, admin }))) {
          const row = figures.get(what) ?? new Map<string, number[]>()
          figures.set(what, row.set(contestant.name, [...(row.get(contestant.name) ?? []), value]))
          console.error(
            `round ${round + 1} of ${rounds}  ${contestant.name.padEnd(11)} ${what}: ${show(value)}`,
          )
        }
      }
    }
  }
  return figures
}

/** Ours, the others, and how many times theirs ours is. */
function printTable(figures: Figures, contestants: Contestant[]): void {
  const [ours = '', ...others] = contestants.map(({ name }) => name)
  const head = ['', ours, ...others, ...others.map((name) => `ours / ${name}`)]
  console.log(`| ${head.join(' | ')} |\n| - |${' -: |'.repeat(head.length - 1)}`)
  for (const [what, row] of figures) {
    const of = (name: string) => median(row.get(name) ?? [])
    const cells = [of(ours), ...others.map(of), ...others.map((name) => of(ours) / of(name))].map(show)
    console.log(`| ${[what, ...cells].join(' | ')} |`)
  }
}

function show(value: number): string {
  if (!Number.isFinite(value)) return ''
  if (value >= 1000) return Math.round(value).toLocaleString('en')
  return value.toFixed(value >= 100 ? 0 : value >= 10 ? 1 : 2)
}
