// The queue benchmark: this project, BullMQ and the raw commands of Redis, in turn in one run, medians of the rounds.
import { Redis } from 'ioredis'
import { hasRedisServer, startRedis } from '../../../test/kit/jobs/real-redis.ts'
import { median } from '../quantile.ts'
import { CONTESTANTS } from './contestants.ts'
import { MEASURES } from './measures.ts'

const rounds = Number(process.argv[2])
if (!(rounds >= 1)) throw new Error(`--rounds ${process.argv[2]} is no number above 0`)
// The embedded Redis is for development: its figures would mean nothing.
if (!hasRedisServer()) {
  throw new Error('bench:queue needs a redis-server on PATH (Debian: apt-get install redis-server)')
}

/** All values by what was measured and the contestant's name. */
const figures = new Map<string, Map<string, number[]>>()
const server = await startRedis(['--appendfsync', 'everysec'])
const admin = new Redis(server.url)
try {
  for (let round = 0; round < rounds; round++) {
    for (const measure of MEASURES) {
      // Each measure in turn by all, so that a noisy minute is everybody's; nobody is always first.
      for (let i = 0; i < CONTESTANTS.length; i++) {
        const contestant = CONTESTANTS[(i + round) % CONTESTANTS.length]
        if (!contestant) continue
        await admin.flushall()
        for (const [what, value] of Object.entries(await measure(contestant, { url: server.url, admin }))) {
          const row = figures.get(what) ?? new Map<string, number[]>()
          figures.set(what, row.set(contestant.name, [...(row.get(contestant.name) ?? []), value]))
          console.error(
            `round ${round + 1} of ${rounds}  ${contestant.name.padEnd(7)} ${what}: ${show(value)}`,
          )
        }
      }
    }
  }
  printTable(/redis_version:(\S+)/.exec(await admin.info('server'))?.[1] ?? '')
} finally {
  admin.disconnect()
  await server.remove()
}
process.exit(0)

function printTable(redisVersion: string): void {
  console.log(`Medians of ${rounds} rounds, Bun ${Bun.version}, Redis ${redisVersion} (AOF everysec).\n`)
  console.log('|  | ours | BullMQ | raw | ours / BullMQ | ours / raw |\n| - | -: | -: | -: | -: | -: |')
  for (const [what, row] of figures) {
    const [ours = NaN, bullmq = NaN, raw = NaN] = ['ours', 'BullMQ', 'raw'].map((name) =>
      median(row.get(name) ?? []),
    )
    const cells = [ours, bullmq, raw, ours / bullmq, ours / raw].map(show)
    console.log(`| ${[what, ...cells].join(' | ')} |`)
  }
}

function show(value: number): string {
  if (!Number.isFinite(value)) return ''
  if (value >= 1000) return Math.round(value).toLocaleString('en')
  return value.toFixed(value >= 100 ? 0 : value >= 10 ? 1 : 2)
}
