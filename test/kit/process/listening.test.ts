// Where the service listens, and how long it keeps a connection that is silent.
import { expect, test } from 'bun:test'
import { createServer } from 'node:net'
import { loadConfig } from '../product/product.ts'
import { addressesOf, refuseTakenPort } from '../../../src/kit/process/port.ts'
import { serve } from '../../../src/kit/process/serve.ts'
import { accepts, freePort } from '../support/ports.ts'
import { rawExchange } from '../support/raw.ts'
import { until } from '../support/until.ts'

const URLS = { DATABASE_URL: 'postgres://none', REDIS_URL: 'redis://none' }
const app = { fetch: () => new Response('here') }

const hasIpv6 = await new Promise<boolean>((resolve) => {
  const probe = createServer()
    .once('error', () => resolve(false))
    .listen(0, '::1', () => probe.close(() => resolve(true)))
})
if (!hasIpv6) process.stderr.write('SKIPPED: what concerns ::1, which this machine does not have\n')

const textAt = async (host: string, port: number | undefined) =>
  (await fetch(`http://${host}:${port}`)).text()

test('in development it is called localhost, and answers on every loopback there is', async () => {
  const server = serve(app, loadConfig({ ...URLS, PORT: '0' }))
  try {
    expect(server.url.hostname).toBe('localhost')
    const port = Number(server.url.port)
    expect(await textAt('localhost', port)).toBe('here')
    expect(await textAt('127.0.0.1', port)).toBe('here')
    if (hasIpv6) expect(await textAt('[::1]', port)).toBe('here')
  } finally {
    await server.drain(1000)
  }
  await expect(fetch(server.url)).rejects.toThrow()
})

test('where HOST names an address it listens there, and nowhere else', async () => {
  const server = serve(app, loadConfig({ ...URLS, PORT: '0', HOST: '127.0.0.1' }))
  try {
    expect(server.url.hostname).toBe('127.0.0.1')
    await expect(textAt('[::1]', Number(server.url.port))).rejects.toThrow()
  } finally {
    await server.drain(1000)
  }
})

test('a connection that was accepted is heard after the listener has closed, and told to close', async () => {
  const server = serve(app, loadConfig({ ...URLS, PORT: '0', HOST: '127.0.0.1' }), { lingerMs: 3000 })
  let drained: Promise<void> | undefined
  const isClosed = async () => !(await accepts(Number(server.url.port)))
  const reply = await rawExchange(
    server.url.href,
    async () => {
      drained = server.drain(60_000)
      await until('the listener to close', isClosed)
    },
    'GET / HTTP/1.1\r\nHost: here\r\n\r\n',
  )
  expect(reply).toMatch(/^HTTP\/1\.1 200 OK\r\nConnection: close\r\n[^]*here$/i)
  await drained
})

test.each(addressesOf('localhost').filter((address) => hasIpv6 || address === '127.0.0.1'))(
  'a port that is taken on %s is taken',
  async (hostname) => {
    const port = await freePort()
    const other = Bun.serve({ hostname, port, fetch: () => new Response() })
    try {
      expect(() => refuseTakenPort({ host: 'localhost', port })).toThrow(`Port ${port} is taken`)
      const own = { pid: 17, port }
      expect(() => refuseTakenPort({ host: 'localhost', port }, own)).toThrow(
        `Port ${port} is taken by this folder's own supervisor, process 17: \`npm run status\``,
      )
      expect(() => refuseTakenPort({ host: 'localhost', port }, { ...own, port: port + 1 })).toThrow(
        `(process ${process.pid})`,
      )
      expect(() => serve(app, loadConfig({ ...URLS, PORT: String(port) }))).toThrow(`port ${port} is taken`)
    } finally {
      await other.stop(true)
    }
    refuseTakenPort({ host: 'localhost', port }) // nothing of the attempts is left
  },
)

test.each([
  [{}, 75],
  [{ IDLE_TIMEOUT_S: '120' }, 120],
  [{ IDLE_TIMEOUT_S: '5' }, 25], // a request that is worked on is silent, too
  [{ REQUEST_TIMEOUT_MS: '90000' }, 95],
  [{ REQUEST_TIMEOUT_MS: '250000' }, 255],
])('with %p a silent connection lives %d seconds', async (env, seconds) => {
  const { serve: original } = Bun
  let asked: number | undefined
  const watched = (options: Bun.Serve.Options<undefined>) => {
    asked = options.idleTimeout
    return original(options)
  }
  Bun.serve = watched as typeof original
  try {
    await serve(app, loadConfig({ ...URLS, PORT: '0', HOST: '127.0.0.1', ...env })).drain(1000)
  } finally {
    Bun.serve = original
  }
  expect(asked).toBe(seconds)
})
