// Requests to URLs of somebody else go to public addresses alone: the one that was checked, over TLS, and no further.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isPublicAddress } from '../../../src/kit/webhooks/addresses.ts'
import { createWebhookSender, ownWebhooks } from '../../../src/kit/webhooks/sender.ts'
import { faultOfTarget } from '../../../src/kit/webhooks/target.ts'
import { makeCertificate } from '../support/certificate.ts'

const folder = mkdtempSync(join(tmpdir(), 'restbun-webhooks-'))
const received: { url: string; host: string | null; body: string; proxied: boolean }[] = []
const open: { stop(): unknown }[] = []
let ca = ''

async function receive(request: Request): Promise<Response> {
  const { pathname } = new URL(request.url)
  const [host, body] = [request.headers.get('host'), await request.text()]
  received.push({ url: request.url, host, body, proxied: request.headers.has('proxy-connection') })
  if (pathname === '/elsewhere') return Response.redirect('http://127.0.0.1:1/secret', 307)
  if (pathname === '/binary') return new Response(new Uint8Array([0, 0xff, 65]), { status: 500 })
  return new Response('received', { status: 202 })
}

/** Listens for bytes on 127.0.0.1, and answers what `act` writes. */
async function listen(act: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.once('data', () => act(socket))
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  open.push({ stop: () => (server.close(), sockets.forEach((socket) => socket.destroy())) })
  return (server.address() as { port: number }).port
}

let secure: ReturnType<typeof Bun.serve>
let plain: ReturnType<typeof Bun.serve>
beforeAll(() => {
  const { certificate, key } = makeCertificate(folder) // for localhost
  ca = readFileSync(certificate, 'utf8')
  const listening = { port: 0, hostname: '127.0.0.1', fetch: receive }
  secure = Bun.serve({ ...listening, tls: { cert: ca, key: readFileSync(key, 'utf8') } })
  plain = Bun.serve(listening)
  open.push(secure, plain)
})
afterAll(async () => {
  for (const server of open) await server.stop()
  rmSync(folder, { recursive: true })
})

const NEVER = new AbortController().signal
const send = (
  options: Partial<Parameters<typeof createWebhookSender>[0]>,
  url: string,
  { attempt = 1, body = '{}', signal = NEVER } = {},
) => createWebhookSender({ toPrivate: true, ca, ...options })({ url, headers: {}, body, attempt, signal })

/** What it says, if it does not send. */
const refusal = (sending: Promise<unknown>) =>
  sending.then(
    () => 'sent',
    (error: Error) => error.message,
  )

describe('an address', () => {
  test.each(
    `0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.1 100.100.100.200 100.127.255.255 127.0.0.1 127.255.255.254
    169.254.0.1 169.254.169.254 169.254.170.2 172.16.0.1 172.31.255.255 192.0.0.192 192.0.2.1 192.88.99.1 192.168.0.1 198.18.0.1
    198.19.255.255 198.51.100.1 203.0.113.1 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255 168.63.129.16
    :: ::1 ::7f00:1 ::127.0.0.1 ::ffff:127.0.0.1 ::ffff:7f00:1 ::ffff:8.8.8.8 ::ffff:0:127.0.0.1 64:ff9b::7f00:1 64:ff9b::8.8.8.8
    64:ff9b:1::1 100::1 2001::1 2001:0:4136:e378:8000:63bf:3fff:fdd2 2001:10::1 2001:20::1 2001:db8::1 2002:7f00:1:: 2002:a00:1::1
    3fff::1 5f00::1 fc00::1 fd00:ec2::254 fdff::1 fe80::1 fe80::1%eth0 fec0::1 ff02::1 2606:4700::1%lo
    localhost 0x7f.1 2130706433 127.1 1.2.3 1.2.3.4.5 8.8.8.8. 08.8.8.8 [::1]`.split(/\s+/),
  )('%s is not public', (address) => expect(isPublicAddress(address)).toBe(false))

  test.each(
    '1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.1 100.63.255.255 100.128.0.1 126.0.0.1 128.0.0.1 169.253.0.1 172.15.0.1 172.32.0.1 192.0.1.1 192.167.0.1 192.169.0.1 198.17.0.1 198.20.0.1 223.255.255.255 2001:200::1 2001:4860:4860::8888 2606:4700::1111 2a00:1450::1'.split(
      ' ',
    ),
  )('%s is public', (address) => expect(isPublicAddress(address)).toBe(true))
})

test.each([
  ['http://example.com/', 'must begin with https://'],
  ['ftp://example.com/', 'must begin with https://'],
  ['file:///etc/passwd', 'must begin with https://'],
  ['https://user@example.com/', 'must hold no user and no password'],
  ['https://:secret@example.com/', 'must hold no user and no password'],
  ['https://example.com:22/', 'must have the port 443, or one from 1024'],
  ['https://example.com:0/', 'must have the port 443, or one from 1024'],
  ['https://example.com/#there', 'must hold no #'],
  ['https://', 'must be a URL'],
  ['example.com', 'must be a URL'],
  ['https://exa mple.com', 'must be a URL'],
  ['https://[fe80::1%25eth0]/', 'must be a URL'],
])('in production %p %s', (url, fault) => expect(faultOfTarget(url, { toPrivate: false })).toBe(fault))

test('in production HTTPS to 443 and to high ports is taken', () => {
  for (const url of ['https://example.com', 'https://example.com:443/a?b', 'https://example.com:8443/'])
    expect(faultOfTarget(url, { toPrivate: false })).toBeUndefined()
})

describe('where only public addresses are sent to', () => {
  const NOT_PUBLIC = 'its name leads to an address that is not public'
  /** Whatever is asked leads to the server of this test: only a refusal keeps it from being reached. */
  const toUs = { toPrivate: false, resolve: async () => ['127.0.0.1'] }

  test.each(
    `0x7f.1 2130706433 127.1 0177.0.0.1 127.0.0.1. 0 %31%32%37.0.0.1 ①②⑦.0.0.1 [::1] [::] [::ffff:127.0.0.1] [::ffff:7f00:1]
    [::127.0.0.1] [64:ff9b::127.0.0.1] [2002:7f00:1::] [fd00::1] [fe80::1] localhost localhost. LOCALHOST 127.0.0.1.nip.io`.split(
      /\s+/,
    ),
  )('https://%s does not lead here', async (host) => {
    const before = received.length
    expect(await refusal(send(toUs, `https://${host}:${secure.port}/`))).toBe(NOT_PUBLIC)
    expect(received).toHaveLength(before)
  })

  test('the system’s own resolver is asked, and its answer checked', async () => {
    expect(await refusal(send({ toPrivate: false }, `https://localhost:${secure.port}/`))).toBe(NOT_PUBLIC)
  })

  test('a name with one address that is not public has none', async () => {
    const resolve = async () => ['8.8.8.8', '10.0.0.1']
    expect(await refusal(send({ toPrivate: false, resolve }, 'https://mixed.example/'))).toBe(NOT_PUBLIC)
  })

  test('http is not sent', async () => {
    expect(await refusal(send(toUs, plain.url.href))).toBe('the URL must begin with https://')
  })

  test('production is so, whatever else is set', async () => {
    const signal = NEVER
    const sending = ownWebhooks.webhookSender({ production: true } as never)
    const url = `https://127.0.0.1:${secure.port}/`
    expect(await refusal(sending({ url, headers: {}, body: '', attempt: 1, signal }))).toBe(NOT_PUBLIC)
  })
})

test('a name is resolved once: the address that was checked is connected to, whatever the name leads to by then', async () => {
  let asked = 0
  // Nothing listens at 127.0.0.2, and the name itself leads nowhere: a second look would not arrive.
  const resolve = async () => (asked++ === 0 ? ['127.0.0.1'] : ['127.0.0.2'])
  const { status, answer } = await send({ resolve }, `http://hooks.invalid:${plain.port}/a?b=c`, {
    body: 'böse',
  })
  expect({ status, answer, asked }).toEqual({ status: 202, answer: 'received', asked: 1 })
  const url = `http://hooks.invalid:${plain.port}/a?b=c`
  expect(received.at(-1)).toMatchObject({ url, host: `hooks.invalid:${plain.port}`, body: 'böse' })
})

test('TLS asks for the name of the URL, and takes no certificate of another or of nobody', async () => {
  const resolve = async () => ['127.0.0.1']
  const { status } = await send({ resolve }, `https://localhost:${secure.port}/`)
  expect(status).toBe(202)
  expect((await send({ resolve }, `https://localhost.:${secure.port}/`)).status).toBe(202)
  const before = received.length
  expect(await refusal(send({ resolve }, `https://other.example:${secure.port}/`))).toContain('ALTNAME')
  expect(await refusal(send({ resolve }, `https://127.0.0.1:${secure.port}/`))).toContain('ALTNAME')
  expect(await refusal(send({ resolve, ca: undefined }, `https://localhost:${secure.port}/`))).toContain(
    'SELF_SIGNED',
  )
  expect(received).toHaveLength(before)
})

test('a redirect is an answer, and is not followed', async () => {
  const { status } = await send({}, `${plain.url.origin}/elsewhere`)
  expect(status).toBe(307)
})

test('no proxy of the environment is used', async () => {
  const set = ['HTTP_PROXY', 'http_proxy', 'HTTPS_PROXY', 'https_proxy', 'ALL_PROXY', 'NODE_USE_ENV_PROXY']
  const before = set.map((name) => [name, process.env[name]] as const)
  for (const name of set) process.env[name] = name.startsWith('NODE') ? '1' : 'http://127.0.0.1:1'
  try {
    expect((await send({}, plain.url.href)).status).toBe(202)
    expect((await send({}, `https://localhost:${secure.port}/`)).status).toBe(202)
  } finally {
    for (const [name, value] of before)
      if (value === undefined) delete process.env[name]
      else process.env[name] = value
  }
})

test('attempts take the addresses of a name by turns', async () => {
  const resolve = async () => ['127.0.0.1', '127.0.0.2']
  const url = `http://hooks.invalid:${plain.port}/`
  expect((await send({ resolve }, url)).status).toBe(202)
  expect(await refusal(send({ resolve }, url, { attempt: 2 }))).toBe('ECONNREFUSED')
  expect((await send({ resolve }, url, { attempt: 3 })).status).toBe(202)
})

describe('of an answer', () => {
  const HEAD = 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n'

  test('the first bytes are read, however many there are', async () => {
    const port = await listen((socket) => {
      socket.write(`${HEAD}\r\n`)
      const more = () => {
        while (!socket.destroyed && socket.write('a'.repeat(5000)));
      }
      socket.on('drain', more)
      more()
    })
    const { status, answer } = await send({}, `http://127.0.0.1:${port}/`)
    expect({ status, answer }).toEqual({ status: 200, answer: 'a'.repeat(1024) })
  })

  test('headers without end are an error', async () => {
    const port = await listen((socket) => {
      socket.write(HEAD)
      const more = () => {
        while (!socket.destroyed && socket.write(`X-A: ${'a'.repeat(5000)}\r\n`));
      }
      socket.on('drain', more)
      more()
    })
    expect(await refusal(send({}, `http://127.0.0.1:${port}/`))).toBe('HPE_HEADER_OVERFLOW')
  })

  test('one that does not come, or only slowly, has its time', async () => {
    const silent = await listen(() => {})
    const slow = await listen((socket) => socket.write(`${HEAD}Content-Length: 100\r\n\r\nso far`))
    const options = { timeoutMs: 300 }
    expect(await refusal(send(options, `http://127.0.0.1:${silent}/`))).toBe('no answer within 0.3 s')
    expect(await refusal(send(options, `https://127.0.0.1:${silent}/`))).toBe('no answer within 0.3 s')
    // What has come by then counts: a busy machine is given the time to bring it.
    expect(await send({ timeoutMs: 3000 }, `http://127.0.0.1:${slow}/`)).toEqual({
      status: 200,
      answer: 'so far',
    })
  })

  test('a name that does not resolve in time has none', async () => {
    const resolve = () => new Promise<string[]>(() => {})
    expect(await refusal(send({ resolve, timeoutMs: 100 }, 'http://hooks.invalid/'))).toBe(
      'no answer within 0.1 s',
    )
    const failing = () => Promise.reject(new Error('ENOTFOUND 10.0.0.53'))
    expect(await refusal(send({ resolve: failing }, 'http://hooks.invalid/'))).toBe(
      'its name resolves to no address',
    )
  })

  test('what Postgres cannot keep is replaced', async () => {
    expect(await send({}, `${plain.url.origin}/binary`)).toEqual({ status: 500, answer: '\ufffd\ufffdA' })
  })

  test('bytes that are no HTTP are an error', async () => {
    const port = await listen((socket) => socket.end('220 mail.example ESMTP\r\n'))
    expect(await refusal(send({}, `http://127.0.0.1:${port}/`))).not.toBe('sent')
  })

  test('a status that is none is an answer, too', async () => {
    const port = await listen((socket) => socket.end('HTTP/1.1 000 OK\r\nContent-Length: 2\r\n\r\nok'))
    expect(await send({}, `http://127.0.0.1:${port}/`)).toEqual({ status: 0, answer: 'ok' })
  })

  test('a worker that stops waits for none', async () => {
    const silent = await listen(() => {})
    const stopping = AbortSignal.timeout(50)
    expect(await refusal(send({}, `http://127.0.0.1:${silent}/`, { signal: stopping }))).toContain(
      'no answer',
    )
  })
})
