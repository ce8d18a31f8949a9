// `npm run bench`: this project beside Bun alone and its peers, in one run. Needs wrk and a redis-server or valkey-server.
import { parseArgs } from 'node:util'
import { installPeers } from './bench/peers.ts'
import { asUsage, runCommand, UsageError } from './command.ts'

const USAGE = `Usage: npm run bench [-- --quick] [--rounds <n>] [--seconds <n>] [--chart <file.svg>] [--memory]
--quick: under a minute, with less precision. --memory: a million more requests, to see that memory levels off.
BENCH_DATABASE_URL and BENCH_REDIS_URL name servers to use; else a Postgres and a Redis start for the run.`

await runCommand(USAGE, async () => {
  const { quick, rounds, seconds, chart, memory } = readArguments()
  const isRedisReal = process.env.BENCH_REDIS_URL || Bun.which('redis-server') || Bun.which('valkey-server')
  if (!isRedisReal) {
    throw new Error(
      'No redis-server on PATH, and the embedded one is for development: apt-get install redis-server, or set BENCH_REDIS_URL',
    )
  }
  if (!Bun.which('wrk')) throw new Error('wrk makes the load, and is not on PATH: apt-get install wrk')
  installPeers('elysia')
  const { bench } = await import('./bench/http/run.ts')
  const settings = quick
    ? [{ connections: 32, processes: 1 }]
    : [1, 2].flatMap((processes) => [32, 256].map((connections) => ({ connections, processes })))
  const precise = { rounds: rounds ?? 5, seconds: seconds ?? 4 }
  const hasty = { rounds: rounds ?? 1, seconds: seconds ?? 1 }
  await bench({ ...(quick ? hasty : precise), settings, chart, memory })
})

function readArguments() {
  return asUsage(() => {
    const { values } = parseArgs({
      options: {
        quick: { type: 'boolean', default: false },
        memory: { type: 'boolean', default: false },
        rounds: { type: 'string' },
        seconds: { type: 'string' },
        chart: { type: 'string' },
      },
    })
    return { ...values, rounds: positive(values.rounds), seconds: positive(values.seconds) }
  })
}

function positive(value: string | undefined): number | undefined {
  if (value === undefined) return undefined
  if (!/^[1-9]\d*$/.test(value)) throw new UsageError(`${value} is no whole number above 0`)
  return Number(value)
}
