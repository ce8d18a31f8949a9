// A proxy in front: the configurations of scripts/deploy are valid, tell the API the truth, and split the paths.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect as connectTls, type ConnectionOptions } from 'node:tls'
import { loadConfig } from '../../../src/config.ts'
import { makeCertificate } from '../support/certificate.ts'
import { Client } from '../support/client.ts'
import {
  caddy,
  nginx,
  type Proxy,
  startCaddy,
  startNginx,
  writeCaddy,
  writeNginx,
} from '../support/proxies.ts'
import {
  createDatabase,
  deletePrefix,
  PATIENT,
  redisUrl,
  type TestDatabase,
  uniquePrefix,
} from '../support/services.ts'
import { until } from '../support/until.ts'
import { freePort } from '../support/ports.ts'

for (const [name, found] of Object.entries({ nginx, caddy })) {
  if (!found)
    process.stderr.write(`SKIPPED: tests of ${name}, because it is not installed (apt install ${name})\n`)
}
const onLinux = process.platform === 'linux' // elsewhere 127.0.0.2 is not ours

const certificates = mkdtempSync(join(tmpdir(), 'restbun-certificates-'))
let certificate: ReturnType<typeof makeCertificate>
beforeAll(() => {
  certificate = makeCertificate(certificates)
})
afterAll(() => rmSync(certificates, { recursive: true }))

test.skipIf(!nginx)('nginx takes the configuration, with and without TLS', async () => {
  for (const tls of [undefined, certificate]) {
    const { config, folder } = writeNginx({ api: ['127.0.0.1:8100'], certificate: tls }, '127.0.0.1:18443')
    const { exitCode, stderr } = Bun.spawnSync([nginx ?? '', '-t', '-c', config, '-e', `${folder}/error.log`])
    rmSync(folder, { recursive: true })
    expect(stderr.toString()).toContain('test is successful')
    expect(stderr.toString()).not.toContain('[warn]')
    expect(exitCode).toBe(0)
  }
})

test('both let an idle connection to the API go before the API does', () => {
  const { idleTimeoutS } = loadConfig({ DATABASE_URL: 'postgres://none', REDIS_URL: 'redis://none' })
  for (const [file, seconds] of [
    ['nginx.conf', /upstream api \{[^}]*keepalive_timeout (\d+)s;/],
    ['Caddyfile', /transport http \{\s*keepalive (\d+)s/],
  ] as const) {
    const text = readFileSync(join(import.meta.dir, '../../../scripts/deploy', file), 'utf8')
    expect(Number(seconds.exec(text)?.[1])).toBeLessThan(idleTimeoutS)
  }
})

test.skipIf(!caddy)('Caddy takes the configuration, and finds it well formatted', () => {
  const { config, folder, env } = writeCaddy({ api: ['127.0.0.1:8100'] })
  const check = Bun.spawnSync([caddy ?? '', 'validate', '--config', config, '--adapter', 'caddyfile'], {
    env,
  })
  const format = Bun.spawnSync([caddy ?? '', 'fmt', config], { env })
  const text = readFileSync(config, 'utf8')
  rmSync(folder, { recursive: true })
  expect(check.stdout.toString() + check.stderr.toString()).toContain('Valid configuration')
  expect(format.stdout.toString()).toBe(text)
})

const proxies = [
  ['nginx', nginx, startNginx],
  ['Caddy', caddy, startCaddy],
] as const

describe.each(proxies.filter(([, found]) => found && onLinux))('behind %s', (name, _found, startProxy) => {
  const folder = mkdtempSync(join(tmpdir(), 'restbun-proxied-'))
  const prefix = uniquePrefix()
  let database: TestDatabase
  let servers: Awaited<ReturnType<typeof startServer>>[] = []
  let frontEnd: Bun.Server<undefined>
  let proxy: Proxy

  beforeAll(async () => {
    database = await createDatabase()
    const settings = {
      DATABASE_URL: database.url,
      REDIS_URL: redisUrl(),
      REDIS_PREFIX: prefix,
      TRUSTED_PROXIES: '127.0.0.1',
    }
    servers = await Promise.all([1, 2].map((n) => startServer(join(folder, `${n}.log`), settings)))
    mkdirSync(join(folder, 'static'))
    writeFileSync(join(folder, 'static/page.txt'), 'from disk')
    frontEnd = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: answerPage })
    proxy = await startProxy({
      api: servers.map(({ address }) => address),
      frontEnd: frontEnd.url.host,
      files: folder,
    })
  })
  afterAll(async () => {
    await proxy.stop()
    await frontEnd.stop(true)
    await Promise.all(servers.map((server) => server.stop()))
    await deletePrefix(prefix)
    await database.drop()
    rmSync(folder, { recursive: true })
  })
  const logged = () => servers.flatMap((server) => server.log())

  test('both processes serve one session', async () => {
    const client = new Client(proxy.url)
    const account = { email: 'proxied@example.com', password: '123abC', fname: 'Ann', lname: 'Lee' }
    const { status, body } = await client.post('/api/signup', account)
    expect(status).toBe(201)
    for (let i = 0; i < 40; i++) expect((await client.get('/api/me')).status).toBe(200)
    const lines = await until('the lines of the log', () => {
      const found = logged().filter((line) => line.path === '/api/me' && line.user === body.id)
      return found.length === 40 ? found : undefined
    })
    expect(new Set(lines.map((line) => line.pid)).size).toBe(2)
  })

  test("the log has the client's own address, whatever the client claims", async () => {
    for (const claim of [
      'X-Forwarded-For: 203.0.113.9',
      'X-Forwarded-For: 203.0.113.9, 127.0.0.1',
      'Forwarded: for=203.0.113.9',
      'X-Forwarded-For:',
      'X-Real-IP: 203.0.113.9',
      'x-real-ip: 203.0.113.9, 1.2.3.4',
    ]) {
      const id = crypto.randomUUID()
      await ask(
        proxy.port,
        `GET /api/me HTTP/1.1\r\nHost: localhost:${proxy.port}\r\nX-Request-Id: ${id}\r\n${claim}`,
      )
      const line = await until('the line of the log', () => logged().find((l) => l.requestId === id))
      expect(line.ip).toBe('127.0.0.2')
    }
  })

  test('a page of this host may post, one that forges the host it came to may not', async () => {
    const client = new Client(proxy.url)
    const account = { email: 'page@example.com', password: '123abC', fname: 'Ann', lname: 'Lee' }
    await client.post('/api/signup', account)
    const own = await client.post('/api/logout', {}, { Origin: proxy.url })
    expect(own.status).toBe(200)
    await client.post('/api/login', account)
    const forged = { Origin: 'https://evil.example', 'X-Forwarded-Host': 'evil.example' }
    expect((await client.post('/api/logout', {}, forged)).status).toBe(403)
  })

  test('/static/ comes from disk, the rest from the front-end', async () => {
    expect(await (await fetch(`${proxy.url}/static/page.txt`)).text()).toBe('from disk')
    expect((await fetch(`${proxy.url}/static/../../etc/passwd`)).status).toBe(200) // the front-end's: it left /static/
    expect((await fetch(`${proxy.url}/static/none.txt`)).status).toBe(404)
    expect(await (await fetch(`${proxy.url}/some/page`)).text()).toBe('front-end: /some/page')
  })

  test('what the proxy itself answers brings browsers by HTTPS, as all that the API answers does', async () => {
    const lone = await startProxy({ api: ['127.0.0.1:1'], files: folder })
    try {
      const body = 'x'.repeat(1_500_000)
      const replies = await Promise.all([
        fetch(`${proxy.url}/static/page.txt`),
        fetch(`${proxy.url}/static/none.txt`),
        fetch(`${proxy.url}/api/login`, { method: 'POST', body }),
        fetch(`${lone.url}/api/me`),
        fetch(`${proxy.url}/api/me`),
      ])
      expect(replies.map(({ headers }) => headers.get('strict-transport-security'))).toEqual(
        Array(5).fill('max-age=31536000; includeSubDomains'),
      )
    } finally {
      await lone.stop()
    }
  })

  test('no log of the proxy holds what a query holds', async () => {
    await fetch(`${proxy.url}/api/auth/reset?token=hunter2`, { redirect: 'manual' })
    const requests = () => proxy.requests?.() ?? '/api/auth/reset'
    await until('the line of the proxy', () => requests().includes('/api/auth/reset'))
    expect(requests()).not.toContain('hunter2')
  })

  test('a body above the limit is refused in JSON', async () => {
    const reply = await new Client(proxy.url).post('/api/login', { email: 'x'.repeat(1_500_000) })
    expect([reply.status, reply.body.err.slice(0, 5)]).toEqual([413, '413: '])
    expect(reply.body.code).toBe('content_too_large')
  })

  test.skipIf(name !== 'nginx')('an address has only so many requests under way at a time', async () => {
    const waiting: (() => void)[] = []
    const api = Bun.serve({
      port: 0,
      hostname: '127.0.0.1',
      fetch: async () => {
        await new Promise<void>((resolve) => waiting.push(resolve))
        return new Response('late')
      },
    })
    const crowded = await startProxy({ api: [api.url.host], frontEnd: frontEnd.url.host, files: folder })
    try {
      const late = Array.from({ length: 100 }, () => fetch(`${crowded.url}/api/x`))
      await until('all that may be under way', () => waiting.length === 100)
      const reply = await new Client(crowded.url).get('/api/x')
      expect([reply.status, reply.headers.get('retry-after')]).toEqual([429, '2'])
      expect(reply.body.err).toStartWith('429: ')
      expect(reply.body.code).toBe('rate_limit_exceeded')
      for (const answer of waiting) answer()
      expect((await Promise.all(late)).map(({ status }) => status)).toEqual(Array(100).fill(200))
    } finally {
      await crowded.stop()
      await api.stop(true)
    }
  })

  test('when no process is there, the answer still is JSON', async () => {
    const lone = await startProxy({ api: ['127.0.0.1:1'], files: folder })
    try {
      const reply = await new Client(lone.url).get('/api/me')
      expect(reply.status).toBeOneOf([502, 503])
      expect(reply.body.err).toStartWith(`${reply.status}: `)
      expect(reply.body.code).toBe('unavailable')
    } finally {
      await lone.stop()
    }
  })

  test('a stream of events is passed on as it comes', async () => {
    const events = await startProxy({ api: [frontEnd.url.host], files: folder })
    try {
      for (const path of ['things/1/events', 'channels?on=things']) {
        const reply = await fetch(`${events.url}/api/${path}`)
        const reader = reply.body?.getReader()
        const first = await reader?.read() // the second event is never sent
        expect(new TextDecoder().decode(first?.value)).toBe('data: 1\n\n')
        await reader?.cancel()
      }
    } finally {
      await events.stop()
    }
  })

  test('what comes in clear is led to HTTPS, and a program with a token is told instead', async () => {
    const api = servers.map(({ address }) => address)
    const plainPort = name === 'nginx' ? await freePort() : proxy.port
    const tls =
      name === 'nginx' ? await startProxy({ api, files: folder, certificate, plainPort }) : undefined
    try {
      const ask = (headers: Record<string, string>) =>
        fetch(`http://127.0.0.1:${plainPort}/api/me?a=b`, {
          headers: { Host: 'in-clear.example', ...headers },
          redirect: 'manual',
        })
      const led = await ask({})
      expect([led.status, led.headers.get('location')]).toEqual([301, 'https://in-clear.example/api/me?a=b'])
      const told = await ask({ Authorization: 'Bearer hunter2' })
      expect([told.status, await told.json()]).toEqual([
        403,
        { err: expect.stringMatching(/^403: Come by https/), code: 'forbidden' },
      ])
    } finally {
      await tls?.stop()
    }
  })

  test.skipIf(name !== 'nginx')('nginx serves the API over TLS', async () => {
    const api = servers.map(({ address }) => address)
    const tls = await startProxy({ api, files: folder, certificate })
    try {
      const withToken = { tls: { rejectUnauthorized: false }, headers: { Authorization: 'Bearer x' } }
      expect((await fetch(`${tls.url}/api/me`, withToken)).status).toBe(401)
      const reply = await fetch(`${tls.url}/api/me`, { tls: { rejectUnauthorized: false } })
      expect(reply.status).toBe(401)
      const old = { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-SHA:ECDHE-RSA-AES128-SHA' } as const
      expect(await refusalOf({ host: '127.0.0.1', port: tls.port, ...old })).toContain('HANDSHAKE_FAILURE')
    } finally {
      await tls.stop()
    }
  })
})

/** Why a server takes no connection of this kind. */
function refusalOf(options: ConnectionOptions): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>()
  const socket = connectTls({ ...options, rejectUnauthorized: false }, () => resolve('taken'))
  socket.on('error', ({ message }) => resolve(message))
  return promise.finally(() => socket.destroy())
}

function answerPage(request: Request): Response {
  const { pathname } = new URL(request.url)
  if (!/\/(events|channels)$/.test(pathname)) return new Response(`front-end: ${pathname}`)
  const body = new ReadableStream({ start: (controller) => controller.enqueue('data: 1\n\n') })
  return new Response(body, { headers: { 'Content-Type': 'text/event-stream' } })
}

/** Asks from 127.0.0.2, an address that is not the proxy's own, and resolves when all of the answer has come. */
function ask(port: number, head: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const socket = connect({ host: '127.0.0.1', port, localAddress: '127.0.0.2' }, () =>
    socket.write(`${head}\r\nConnection: close\r\n\r\n`),
  )
  socket
    .on('data', () => {})
    .on('end', resolve)
    .on('error', reject)
  return promise.finally(() => socket.destroy())
}

/** A server process with a log of its own. `log` answers the lines of it. */
async function startServer(logFile: string, settings: Record<string, string>) {
  const child = Bun.spawn([process.execPath, 'src/server.ts'], {
    cwd: join(import.meta.dir, '../../..'),
    env: {
      PATH: process.env.PATH ?? '',
      HOST: '127.0.0.1',
      PORT: '0',
      LOG_FORMAT: 'json',
      LOG_FILE: logFile,
      ...PATIENT,
      ...settings,
    },
    stdout: 'ignore',
    stderr: 'inherit',
  })
  const log = () =>
    readFileSync(logFile, 'utf8')
      .split('\n')
      .slice(0, -1)
      .map((line): Record<string, unknown> => JSON.parse(line))
  const address = await until('the server to listen', () => {
    if (child.exitCode !== null) throw new Error(`the server ended with ${child.exitCode}`)
    const said = existsSync(logFile) ? readFileSync(logFile, 'utf8') : ''
    return /listening on http:\/\/([^/]+)/.exec(said)?.[1]
  })
  return {
    address,
    log,
    async stop() {
      child.kill('SIGTERM')
      await child.exited
    },
  }
}
