// Background tasks, from the request that asks for one to what it does.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { loadConfig } from '../src/config.ts'
import { crons } from '../src/crons.ts'
import { createDeps } from '../src/kit/create-deps.ts'
import { startRelay } from '../src/kit/jobs/outbox/relay.ts'
import { createQueueAdmin, type QueueAdmin } from '../src/kit/jobs/queue-admin.ts'
import { startWorker, type Worker } from '../src/kit/jobs/worker.ts'
import { createMailer } from '../src/kit/mail/mailer.ts'
import { KEPT_MAILS } from '../src/kit/types/mail.ts'
import { manifest } from '../src/manifest.ts'
import { sendWelcome } from '../src/account/mail-tasks.ts'
import { idempotencyKeys } from '../src/account/table.ts'
import { deleteExpiredIdempotencyKeys, tasks } from '../src/tasks.ts'
import { startApp, type TestApp } from './support/harness.ts'
import { until } from './kit/support/until.ts'
import { schema } from './support/worker.ts'

let app: TestApp
let worker: Worker
let queueAdmin: QueueAdmin
let closeWorker: () => Promise<void>
beforeAll(async () => {
  app = await startApp()
  const { deps, log, redis, queue, close } = createDeps(app.config, manifest)
  worker = startWorker({
    redis,
    prefix: app.config.redisPrefix,
    id: 'w1',
    tasks,
    crons,
    deps: { ...deps, schema },
    log,
    blockMs: null,
  })
  await worker.ready
  const relay = startRelay({ db: deps.db, send: queue.send, log })
  queueAdmin = createQueueAdmin({ redis, prefix: app.config.redisPrefix })
  closeWorker = async () => {
    await Promise.all([worker.stop(), relay.stop()])
    await close()
  }
})
afterAll(async () => {
  await closeWorker()
  await app.close()
})

const mailsTo = async (email: string) => {
  const page = await app.visitor().get('/apitest/mails')
  return page.text.split('<details').filter((article) => article.includes(email))
}

test('a new account gets a welcome mail, with its name escaped', async () => {
  const { account } = await app.member('editor', { fname: '<b>Ann</b>', email: 'welcome@example.com' })
  const [mail] = await until('the mail', async () => {
    const found = await mailsTo(account.email)
    return found.length > 0 ? found : undefined
  })
  expect(mail).toContain(`Welcome to ${app.config.name}`)
  expect(mail).toContain('Welcome, &lt;b&gt;Ann&lt;/b&gt;')
})

test('/apitest/sendemail queues a mail to the caller', async () => {
  const member = await app.member('editor', { email: 'again@example.com' })
  const reply = await member.get('/apitest/sendemail')
  expect([reply.status, reply.body]).toEqual([200, { reply: 'background task will start' }])
  await until('both mails', async () => (await mailsTo('again@example.com')).length === 2)
})

test('a welcome to an account that is gone is done, and writes to nobody', async () => {
  const mails = await app.deps.store.length(KEPT_MAILS)
  await app.deps.enqueue(sendWelcome, { userId: crypto.randomUUID() })
  await until('an empty queue', async () => {
    const { waiting, running, later, dead } = await queueAdmin.stats()
    expect([later, dead]).toEqual([0, 0])
    return waiting + running === 0
  })
  expect(await app.deps.store.length(KEPT_MAILS)).toBe(mails)
})

test('an input that does not fit is refused where it is asked for, with its path', async () => {
  await expect(app.deps.enqueue(sendWelcome, { userId: 'me' })).rejects.toThrow(/sendWelcome.*userId/)
})

test('mail goes to the SMTP server where there is one', async () => {
  const server = smtpServer()
  try {
    const config = loadConfig({
      DATABASE_URL: 'postgres://none',
      REDIS_URL: 'redis://none',
      SMTP_URL: `smtp://127.0.0.1:${server.port}`,
      MAIL_FROM: 'Service <service@example.com>',
    })
    const send = createMailer(config, app.deps.store)
    await send({ to: 'bob@example.com', subject: 'Grüße', text: 'plain', html: '<p>rich</p>' })
    const said = server.said()
    expect(said).toContain('MAIL FROM:<service@example.com>')
    expect(said).toContain('RCPT TO:<bob@example.com>')
    expect(said).toContain('multipart/alternative')
  } finally {
    server.stop()
  }
})

test('production without an SMTP server says so, and the task is tried again', async () => {
  const config = loadConfig({
    NODE_ENV: 'production',
    APP_URL: 'https://service.example',
    DATABASE_URL: 'postgres://none',
    REDIS_URL: 'redis://none',
  })
  const send = createMailer(config, app.deps.store)
  await expect(send({ to: 'a@example.com', subject: '', text: '', html: '' })).rejects.toThrow(
    'SMTP_URL is not set',
  )
})

/** As much of SMTP as it takes to be sent a mail. */
function smtpServer() {
  let text = ''
  let rest = ''
  let inData = false
  const answer = (line: string) => {
    if (inData) {
      if (line !== '.') return ''
      inData = false
      return '250 taken\r\n'
    }
    if (line.startsWith('DATA')) {
      inData = true
      return '354 go on\r\n'
    }
    return line.startsWith('QUIT') ? '221 bye\r\n' : '250 ok\r\n'
  }
  const listener = Bun.listen({
    hostname: '127.0.0.1',
    port: 0,
    socket: {
      open: (socket) => void socket.write('220 test\r\n'),
      data(socket, chunk) {
        text += chunk.toString()
        const lines = (rest + chunk.toString()).split('\r\n')
        rest = lines.pop() ?? ''
        socket.write(lines.map(answer).join(''))
      },
    },
  })
  return { port: listener.port, said: () => text, stop: () => listener.stop(true) }
}

test('an answer that was kept for an Idempotency-Key goes after a day', async () => {
  const { user } = await app.member()
  const answer = { account: user.id, route: 'POST /', fingerprint: '', status: 201, headers: {}, body: '' }
  const { db } = app.deps
  await db.insert(idempotencyKeys).values([
    { ...answer, key: 'of yesterday', created: new Date(Date.now() - 25 * 60 * 60 * 1000) },
    { ...answer, key: 'of today', created: new Date(Date.now() - 23 * 60 * 60 * 1000) },
  ])
  await app.deps.enqueue(deleteExpiredIdempotencyKeys, {})
  await until('one answer', async () => {
    const left = await db.select().from(idempotencyKeys)
    return left.length === 1 && left[0]?.key === 'of today'
  })
})
