// Uploads large files to a folder at once, and tells what the process takes of memory and time, and what others wait meanwhile.
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import postgres from 'postgres'
import { createPasswords } from '../../src/kit/auth/passwords.ts'
import { Gate } from '../../src/kit/data/gate.ts'
import { Client } from '../../test/kit/support/client.ts'
import { createDatabase, serverEnv, uniquePrefix } from '../../test/kit/support/services.ts'
import { until } from '../../test/kit/support/until.ts'
import { takeArguments } from '../command.ts'
import { freePort } from '../services/child.ts'
import { prepareTestRun } from '../services/test-run.ts'
import { quantile } from './quantile.ts'
import { cpuSeconds, residentMb } from './usage.ts'

const USAGE = 'Usage: npm run bench:files [-- --clients 50] [--mb 100]'
const { values } = takeArguments(USAGE, {
  clients: { type: 'string', default: '50' },
  mb: { type: 'string', default: '100' },
})
const [CLIENTS, MB] = [Number(values.clients), 1024 ** 2]
const SIZE = Number(values.mb) * MB
/** Their files have room in the quota of one account. */
const OF_ACCOUNT = Math.max(1, Math.floor((1000 * MB) / SIZE))
const PASSWORD = 'Violet7Kettle'

const { run, close } = await prepareTestRun(process.env)
Object.assign(process.env, run)
const folder = mkdtempSync(join(tmpdir(), 'restbun-bench-'))
const [database, port] = [await createDatabase(), await freePort()]
const server = Bun.spawn([process.execPath, 'src/server.ts'], {
  cwd: join(import.meta.dir, '../..'),
  env: {
    ...serverEnv(database.url, uniquePrefix()),
    HOST: '127.0.0.1',
    PORT: String(port),
    FILES_URL: pathToFileURL(folder).href,
    LOG_LEVEL: 'silent',
  },
  stdout: 'inherit',
})
const url = `http://127.0.0.1:${port}`
try {
  await until('the server', () =>
    fetch(`${url}/health`).then(
      ({ ok }) => ok,
      () => false,
    ),
  )
  await measure()
} finally {
  server.kill()
  await server.exited
  rmSync(folder, { recursive: true })
  await close()
}

async function measure(): Promise<void> {
  const bytes = new Uint8Array(SIZE).fill(32)
  bytes.set(new TextEncoder().encode('%PDF-1.7'))
  const about = {
    purpose: 'document',
    name: 'a.pdf',
    type: 'application/pdf',
    size: SIZE,
    sha256: sha256(bytes),
  }
  const clients = await logIn(Math.ceil(CLIENTS / OF_ACCOUNT))
  const [someone] = clients
  if (someone === undefined) throw new Error('no client')
  const uploads = await Promise.all(
    Array.from({ length: CLIENTS }, async (_, i) => {
      const { status, text, body } = await (clients[i % clients.length] ?? someone).post('/api/files', about)
      if (status !== 201) throw new Error(`announced in vain: ${text}`)
      return body.upload as { method: string; url: string; headers: Record<string, string> }
    }),
  )
  await others(someone, Bun.sleep(1000)) // until it is warm
  const before = await others(someone, Bun.sleep(3000))
  const [idle, cpu, start] = [residentMb(server.pid), cpuSeconds(server.pid), performance.now()]
  let most = idle
  const watch = setInterval(() => (most = Math.max(most, residentMb(server.pid))), 50)
  const sent = Promise.all(
    uploads.map(async ({ url: to, ...upload }) => {
      const { status } = await fetch(url + to, { ...upload, body: bytes })
      if (status !== 204) throw new Error(`sent in vain: ${status}`)
    }),
  )
  const meanwhile = await others(someone, sent)
  clearInterval(watch)
  const [seconds, spent] = [(performance.now() - start) / 1000, cpuSeconds(server.pid) - cpu]
  await Bun.sleep(5000)
  const total = (CLIENTS * SIZE) / MB
  console.log(
    `${CLIENTS} clients, ${SIZE / MB} MB each, to one process: ${total} MB in ${seconds.toFixed(1)} s`,
  )
  console.log(`${(total / spent).toFixed(0)} MB for each second of the processor`)
  console.log(
    `memory: ${idle.toFixed(0)} MB before, ${most.toFixed(0)} MB at most, ${residentMb(server.pid).toFixed(0)} MB 5 s later: ` +
      `${((most - idle) / CLIENTS).toFixed(2)} MB for each upload`,
  )
  for (const [when, times] of [
    ['before', before],
    ['meanwhile', meanwhile],
  ] as const)
    console.log(
      `GET /api/me ${when}: p50 ${quantile(times, 0.5).toFixed(1)} ms, p99 ${quantile(times, 0.99).toFixed(1)} ms of ${times.length}`,
    )
}

/** How long somebody else waits for something small, until the work is done. */
async function others(client: Client, work: Promise<unknown>): Promise<number[]> {
  const times: number[] = []
  let isDone = false
  const done = work.finally(() => (isDone = true))
  const ask = async () => {
    while (!isDone) {
      const start = performance.now()
      const { status } = await client.get('/api/me')
      if (status !== 200) throw new Error(`/api/me answered ${status}`)
      times.push(performance.now() - start)
      await Bun.sleep(10)
    }
  }
  await Promise.all([done, ask(), ask(), ask(), ask()])
  return times
}

async function logIn(accounts: number): Promise<Client[]> {
  const sql = postgres(database.url, { max: 1 })
  const hash = await createPasswords(new Gate({ places: 1, queue: 0 })).hash(PASSWORD)
  await sql`insert into users (email, password, first_name, last_name, role)
    select 'ann' || n || '@example.com', ${hash}, 'Ann', 'Lee', 'editor' from generate_series(1, ${accounts}) n`
  await sql.end()
  return Promise.all(
    Array.from({ length: accounts }, async (_, i) => {
      const client = new Client(url)
      const { status, text } = await client.post('/api/login', {
        email: `ann${i + 1}@example.com`,
        password: PASSWORD,
      })
      if (status >= 300) throw new Error(`login answered ${text}`)
      return client
    }),
  )
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
