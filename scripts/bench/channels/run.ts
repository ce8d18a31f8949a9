// What channels cost: memory of a stream, time to the last of many listeners, CPU of a delivery, and what reloads lose.
import { join } from 'node:path'
import { meChannel } from '../../../src/channels/channels.ts'
import { settings } from '../../../src/config.ts'
import { subscribe } from '../../../src/kit/channels/client.ts'
import { createDeps } from '../../../src/kit/create-deps.ts'
import { manifest } from '../../../src/manifest.ts'
import { createDatabase, serverEnv, uniquePrefix } from '../../../test/kit/support/services.ts'
import { startService } from '../../../test/kit/support/supervised.ts'
import { until } from '../../../test/kit/support/until.ts'
import { takeArguments } from '../../command.ts'
import { prepareTestRun } from '../../services/test-run.ts'
import { quantile } from '../quantile.ts'
import { cpuSeconds, residentMb } from '../usage.ts'
import { crowdChannel, openCrowd } from './crowd.ts'

const [most = '10000'] = takeArguments('Usage: npm run bench:channels [-- <streams>]', {}, 1).positionals
const COUNTS = [1, 100, Number(most)]
/** Fewer than an account may have. */
const OF_ACCOUNT = 20
const RELOADS = 5
const FOLLOWERS = 200

const { run, close } = await prepareTestRun(process.env)
Object.assign(process.env, run)
try {
  await deliveries()
  await reloads()
} finally {
  await close()
}

/** The service's own dependencies, to log accounts in and to publish. */
function openDeps(env: Record<string, string>) {
  const { deps, close: closeDeps } = createDeps(settings.load({ ...env, LOG_LEVEL: 'silent' }), manifest)
  const [loginAt, sentAt] = [Date.now(), Date.now()]
  const login = { ip: '127.0.0.1', agent: 'bench', loginAt, sentAt, remember: false }
  const logIn = (userId: string) => deps.sessions.create({ userId, role: 'editor', ...login })
  return { deps, logIn, close: closeDeps }
}

async function deliveries(): Promise<void> {
  const database = await createDatabase('project')
  const env = { ...serverEnv(database.url, uniquePrefix()), CHANNEL_STREAMS: '20000', HOST: '127.0.0.1' }
  const server = Bun.spawn([process.execPath, join(import.meta.dir, 'server.ts')], {
    env: { ...env, LOG_FORMAT: 'json' },
    stdout: 'pipe',
    stderr: 'inherit',
  })
  let said = ''
  void (async () => {
    for await (const chunk of server.stdout) if (said.length < 10_000) said += new TextDecoder().decode(chunk)
  })()
  const port = Number(await until('it to listen', () => /listening on http:\/\/[^:]+:(\d+)/.exec(said)?.[1]))
  const { deps, logIn, close: closeDeps } = openDeps(env)
  const accounts = Array.from({ length: Math.ceil(Math.max(...COUNTS) / OF_ACCOUNT) }, () =>
    crypto.randomUUID(),
  )
  const tokens = await Promise.all(accounts.map(logIn))
  try {
    for (const count of COUNTS) {
      const before = residentMb(server.pid)
      const crowd = await openCrowd(port, count, (i) => tokens[i % tokens.length] ?? '')
      await Bun.sleep(3000)
      const memory = ((residentMb(server.pid) - before) * 1024) / count
      const idle = await cpuWhile(server.pid, () => Bun.sleep(10_000))
      const times: number[] = []
      const rounds = count > 1000 ? 50 : 300
      const busy = await cpuWhile(server.pid, async () => {
        for (let n = 0; n < rounds; n++) {
          const start = performance.now()
          const delivered = crowd.delivered()
          await deps.publish(crowdChannel, {}, { n, text: 'x'.repeat(100) })
          await delivered
          times.push(performance.now() - start)
        }
      })
      console.log(
        `${count} listeners: publish to last delivery p50 ${quantile(times, 0.5).toFixed(1)} ms, p99 ${quantile(times, 0.99).toFixed(1)} ms; ` +
          `CPU of the server ${((busy * 1000) / rounds / count).toFixed(1)} us a delivery, ${(idle / 100).toFixed(1)} % while nothing comes` +
          (count > 1000 ? `; ${memory.toFixed(1)} KB an idle stream` : ''),
      )
      crowd.close()
      await Bun.sleep(2000)
    }
  } finally {
    await closeDeps()
    server.kill()
    await server.exited
    await database.drop()
  }
}

/** Listeners count up; every other number is lost, told twice, or in the wrong place. */
async function reloads(): Promise<void> {
  const service = await startService(
    { NODE_ENV: 'production', APP_URL: 'http://127.0.0.1', HOST: '127.0.0.1', LOG_LEVEL: 'warn' },
    { of: 'project' },
  )
  const env = serverEnv(service.databaseUrl, service.prefix)
  const { deps, logIn, close: closeDeps } = openDeps(env)
  const followers = await Promise.all(
    Array.from({ length: FOLLOWERS }, async () => {
      const userId = crypto.randomUUID()
      const headers = { Authorization: `Bearer ${await logIn(userId)}` }
      const told: number[] = []
      let resets = 0
      let streams = 0
      const stop = subscribe<{ me: { ip: string } }>(
        `${service.url}/api/channels`,
        { me: ({ ip }) => void told.push(Number(ip)) },
        {
          onReset: () => resets++,
          init: { headers },
          fetch: async (url, init) => {
            const response = await fetch(url, init)
            if (response.ok) streams++
            return response
          },
        },
      )
      return { userId, told, stop, streams: () => streams, resets: () => resets }
    }),
  )
  await until('all to listen', () => followers.every(({ streams }) => streams() > 0))
  await Bun.sleep(1000)
  let n = 0
  let isOver = false
  const publishing = (async () => {
    while (!isOver) {
      n++
      const event = { type: 'session.started', at: new Date().toISOString(), ip: String(n) } as const
      await Promise.all(followers.map(({ userId }) => deps.publish(meChannel, { userId }, event)))
      await Bun.sleep(20)
    }
  })()
  for (let i = 0; i < RELOADS; i++) {
    const { result, reason } = await service.reload()
    if (result !== 'succeeded') throw new Error(`a reload failed: ${reason}`)
  }
  isOver = true
  await publishing
  await until('the last', () => followers.every(({ told }) => told.at(-1) === n))
  const wrong = followers.map(
    ({ told }) => told.filter((value, i) => value !== i + 1).length + Math.abs(n - told.length),
  )
  const sum = (values: number[]) => values.reduce((a, b) => a + b, 0)
  console.log(
    `${RELOADS} reloads of 2 processes, ${FOLLOWERS} listeners, ${n * FOLLOWERS} events: ${sum(wrong)} lost, doubled or out of order, ` +
      `${sum(followers.map(({ resets }) => resets()))} resets, ${sum(followers.map(({ streams }) => streams()))} streams`,
  )
  for (const { stop } of followers) stop()
  await closeDeps()
  await service.close()
}

/** Milliseconds of CPU. */
async function cpuWhile(pid: number, act: () => Promise<unknown>): Promise<number> {
  const before = cpuSeconds(pid)
  await act()
  return (cpuSeconds(pid) - before) * 1000
}
