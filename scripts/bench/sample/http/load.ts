// The load: wrk on one request, and what it saw.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Running } from './contestants.ts'
import { type Credentials, headersOf, type Work } from './work.ts'

export interface Seen {
  perSecond: number
  p50Ms: number
  p99Ms: number
  /** Of the server's processes, a request. */
  cpuMicros: number
  rssMb: number
}

/** Loads a server for a while. @throws if any request failed */
export async function load(
  running: Running,
  work: Work,
  options: { connections: number; seconds: number; credentials: Credentials; folder: string },
): Promise<Seen> {
  const script = join(options.folder, `${work.name.replaceAll(/\W+/g, '-')}.lua`)
  writeFileSync(script, luaFor(work, headersOf(work, running, options.credentials)))
  const args = ['-t', '1', '-c', `${options.connections}`, '-d', `${options.seconds}s`, '--timeout', '20s']
  const before = running.cpuSeconds()
  const wrk = spawn('wrk', [...args, '-s', script, running.url + work.path], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let out = ''
  wrk.stdout.on('data', (chunk) => (out += String(chunk)))
  await once(wrk, 'close')
  const cpu = running.cpuSeconds() - before
  const line = out.split('\n').find((text) => text.startsWith('{'))
  if (line === undefined) throw new Error(`wrk said nothing to be understood: ${out}`)
  const seen = JSON.parse(line) as {
    requests: number
    micros: number
    p50: number
    p99: number
    errors: number
  }
  if (seen.errors > 0 || seen.requests === 0) {
    throw new Error(
      `${running.contestant.name}, ${work.name}: ${seen.errors} errors in ${seen.requests} requests`,
    )
  }
  return {
    perSecond: seen.requests / (seen.micros / 1e6),
    p50Ms: seen.p50 / 1000,
    p99Ms: seen.p99 / 1000,
    cpuMicros: (cpu / seen.requests) * 1e6,
    rssMb: running.rssMb(),
  }
}

function luaFor(work: Work, sent: Record<string, string>): string {
  const headers = Object.entries(sent)
    .map(([name, value]) => `wrk.headers[${JSON.stringify(name)}] = ${JSON.stringify(value)}`)
    .join('\n')
  return `wrk.method = "${work.method}"
${headers}
${work.body ? `wrk.body = ${JSON.stringify(JSON.stringify(work.body))}` : ''}
${work.keys === undefined ? '' : withKeys(work.keys)}
done = function(summary, latency)
  local e = summary.errors
  io.write(string.format('{"requests":%d,"micros":%d,"p50":%d,"p99":%d,"errors":%d}\\n', summary.requests,
    summary.duration, latency:percentile(50), latency:percentile(99),
    e.connect + e.read + e.write + e.status + e.timeout))
end
`
}

/** From a random one on, so that no two loads of many keys send the same. */
const withKeys = (keys: number) => `math.randomseed(${Math.floor(Math.random() * 2 ** 31)})
local key = math.random(${keys})
request = function()
  key = key % ${keys} + 1
  wrk.headers["Idempotency-Key"] = "bench-" .. key
  return wrk.format()
end`
