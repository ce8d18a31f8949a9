// The container's health: exits 0 if the service beside it is ready, that is, listens and reaches Postgres and Redis. Where
// nothing listens, if all that the supervisor looks after has become ready.
import { resolve } from 'node:path'
import { exit } from 'node:process'
import { readStatus } from '../../src/kit/process/status.ts'

const scheme = process.env.TLS_CERT_FILE ? 'https' : 'http'
const url = `${scheme}://127.0.0.1:${process.env.PORT || 8100}/ready`

async function ask(): Promise<void> {
  const reply = await fetch(url, { signal: AbortSignal.timeout(4000), tls: { rejectUnauthorized: false } })
  if (!reply.ok) throw new Error(`${url}: ${reply.status} ${await reply.text()}`)
}

function readProcesses(): void {
  const processes = readStatus(resolve(process.env.DATA_DIR || '.data'))?.processes
  if (processes === undefined) throw new Error('no supervisor runs on DATA_DIR')
  const late = processes
    .filter(({ state }) => state !== 'ready')
    .map(({ name, state }) => `${name} is ${state}`)
  if (late.length > 0) throw new Error(late.join(', '))
}

try {
  if (process.env.WEB_PROCESSES === '0') readProcesses()
  else await ask()
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error))
  exit(1)
}
