// Does what clients, operators and the worker do, and prints all that they get to see: run in a checkout of its own.
import { readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describeRoutes } from '../../../src/kit/http/doc.ts'
import { Client } from '../support/client.ts'
import { openStream } from '../support/events.ts'
import { startApp } from '../../support/harness.ts'
import { until } from '../support/until.ts'
import { startTestWorker } from '../../support/worker.ts'

const say = (what: string, text: string) => process.stdout.write(`${what}: ${text}\n`)

const { send } = Client.prototype
Client.prototype.send = async function (method, path, ...rest) {
  Object.assign(this, { verdict: () => {} }) // all is said first; the close of the app has the verdict
  const reply = await send.call(this, method, path, ...rest)
  say(`${method} ${path} ${reply.status}`, reply.text)
  return reply
}

const log = join(tmpdir(), `restbun-said-${crypto.randomUUID()}`)
const app = await startApp({
  DATABASE_URL: process.env.DATABASE_URL ?? '',
  LOG_FILE: log,
  LOG_LEVEL: 'debug',
  LOG_SQL: 'on',
})
const worker = await startTestWorker(app)
const ann = await app.member('superuser')
await app.visitor().post('/api/login', ann.account)

const resources = describeRoutes(app.app).filter(
  ({ method, path }) => method === 'PUT' && path.endsWith('/:id'),
)
for (const { base } of resources) {
  const { body, status } = await ann.post(base, { title: 'Some title' })
  if (status !== 201) continue
  await ann.put(`${base}/${body.id}`, { title: 'Another title' })
  for (const query of ['', `/${body.id}`, '?search=title', `?creator=${ann.user.id}`])
    await ann.get(base + query)
  const other = await ann.post(base, { title: 'Some title' })
  await ann.delete(`${base}/${other.body.id}`)
}
for (const path of ['/api/me', '/api/users', '/api/users?search=ann', '/apitest/mails']) await ann.get(path)

for (const { method, path, doc } of describeRoutes(app.app)) {
  if (method === 'POST' && doc?.status === 202) {
    const job = (await ann.post(path)).headers.get('location')
    if (job === null) continue // not to be followed
    await until('its end', async () => (await ann.get(job)).body.state === 'done')
    const stream = await openStream(ann, `${job}/events`)
    await stream.ended
    say('events', stream.text())
  } else if (doc?.response === 'text/html' && !path.includes(':')) await ann.get(path)
}

await worker.stop()
try {
  await app.close()
} finally {
  say('log', await readFile(log, 'utf8'))
  await rm(log)
}
