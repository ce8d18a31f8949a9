// `npm run bench`: this project beside Bun alone and its peers, in one run. Needs wrk and a redis-server or valkey-server.
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { type Contestant, CONTESTANTS, OURS } from '../bench/sample/http/contestants.ts'
import { installPeers } from '../bench/peers.ts'
import { readArguments, runCommand, UsageError } from '../command.ts'

const ROOT = resolve(import.meta.dir, '../..')

const USAGE = `Usage: npm run bench [-- --quick] [--rounds <n>] [--seconds <n>] [--chart <file.svg>] [--memory]
       npm run bench -- --against <folder or peer> [--rounds <n>] [--seconds <n>] [--work <name>]
--quick: under a minute, with less precision. --memory: a million more requests, to see that memory levels off.
--against: beside one other, a checkout of this project or hono, elysia: more precise, the servers on a core of their own.
BENCH_DATABASE_URL and BENCH_REDIS_URL name servers to use; else a Postgres and a Redis start for the run.`

await runCommand(USAGE, async () => {
  const { quick, rounds, seconds, chart, memory, other, work } = readOptions()
  const isRedisReal = process.env.BENCH_REDIS_URL || Bun.which('redis-server') || Bun.which('valkey-server')
  if (!isRedisReal) {
    throw new Error(
      'No redis-server on PATH, and the embedded one is for development: apt-get install redis-server, or set BENCH_REDIS_URL',
    )
  }
  if (!Bun.which('wrk')) throw new Error('wrk makes the load, and is not on PATH: apt-get install wrk')
  if (other && !Bun.which('taskset')) {
    throw new Error('taskset gives servers and load a core each, and is not on PATH')
  }
  installPeers('elysia')
  const { bench, compare } = await import('../bench/sample/http/run.ts')
  if (other) {
    return await compare(other, { rounds: rounds ?? 20, seconds: seconds ?? 1 }, work)
  }
  const settings = quick
    ? [{ connections: 32, processes: 1 }]
    : [1, 2].flatMap((processes) => [32, 256].map((connections) => ({ connections, processes })))
  const precise = { rounds: rounds ?? 5, seconds: seconds ?? 2 }
  const hasty = { rounds: rounds ?? 1, seconds: seconds ?? 1 }
  await bench({ ...(quick ? hasty : precise), settings, chart, memory })
})

function readOptions() {
  const { values } = readArguments({
    quick: { type: 'boolean', default: false },
    memory: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    seconds: { type: 'string' },
    chart: { type: 'string' },
    against: { type: 'string' },
    work: { type: 'string' },
  })
  const { against, quick, memory, chart } = values
  if (against !== undefined && (quick || memory || chart !== undefined)) {
    throw new UsageError('--against takes --rounds, --seconds and --work, and none of the others')
  }
  const other = against === undefined ? undefined : otherOf(against)
  return { ...values, other, rounds: positive(values.rounds), seconds: positive(values.seconds) }
}

function positive(value: string | undefined): number | undefined {
  if (value === undefined) return undefined
  if (!/^[1-9]\d*$/.test(value)) throw new UsageError(`${value} is no whole number above 0`)
  return Number(value)
}

/** A peer by the beginning of its name, or a folder with another checkout. */
function otherOf(against: string): Contestant {
  const name = against.toLowerCase()
  const peer = CONTESTANTS.find(
    (c) => c.name !== OURS && name !== '' && c.name.toLowerCase().startsWith(name),
  )
  if (peer) return peer
  const root = resolve(against)
  const isCheckout = ['src/supervisor.ts', 'node_modules'].every((part) => existsSync(join(root, part)))
  if (isCheckout && root !== ROOT) return { name: root, entry: 'src', runtime: 'bun', root }
  const names = CONTESTANTS.filter((c) => c.name !== OURS).map((c) => c.name)
  throw new UsageError(
    `--against ${against}: neither the beginning of a name (${names.join('; ')}) nor another checkout with its packages`,
  )
}
