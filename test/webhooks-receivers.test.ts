// The receivers of the page, in Node and in Python, take what is signed and nothing else. And webhooks in production.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { newSecretKey } from '../src/kit/auth/secrets.ts'
import { until } from './kit/support/until.ts'
import { HTML, noticeOf, submit } from './kit/support/forms.ts'
import { startApp, type TestApp } from './support/harness.ts'
import { startTestWorker, untilIdle } from './support/worker.ts'
import { freePort } from './kit/support/ports.ts'

const PAGE = join(import.meta.dir, '../src/kit/webhooks/README.md')
const PATH = '/api/me/webhooks'
const OWN = '/api/auth/account/webhooks'

/** The app with a worker. */
async function startWithWorker(env: Record<string, string> = {}) {
  const app = await startApp(env)
  const worker = await startTestWorker(app)
  const close = async () => {
    await worker.stop()
    await app.close()
  }
  return { ...app, close }
}

describe('where nothing else is set', () => {
  let app: TestApp
  const folder = mkdtempSync(join(tmpdir(), 'restbun-receivers-'))
  beforeAll(async () => {
    app = await startWithWorker()
  })
  afterAll(async () => {
    await app.close()
    rmSync(folder, { recursive: true })
  })

  for (const [language, program, name] of [
    ['js', 'node', 'receiver.mjs'],
    ['python', 'python3', 'receiver.py'],
  ] as const) {
    const isThere = Bun.which(program) !== null
    const words = `the receiver of the page in ${language} takes what is signed, and nothing else`
    test.skipIf(!isThere)(isThere ? words : `${words}: not tried, there is no ${program}`, async () => {
      const ann = await app.member()
      const port = await freePort()
      const url = `http://127.0.0.1:${port}/`
      const { id, secret } = (await ann.post(PATH, { url })).body
      const code =
        new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\``, 'm').exec(await Bun.file(PAGE).text())?.[1] ?? ''
      await Bun.write(join(folder, name), code)
      const env = { ...process.env, WEBHOOK_SECRET: secret, PORT: String(port) }
      const child = Bun.spawn([program, join(folder, name)], { env, stdout: 'pipe', stderr: 'ignore' })
      try {
        await until(`${program} to listen`, () =>
          fetch(url, { method: 'POST', body: '{}' }).then(
            () => true,
            () => false,
          ),
        )
        expect((await fetch(url, { method: 'POST', body: '{"type":"forged"}' })).status).toBe(401)
        const forged = { 'webhook-id': 'a', 'webhook-timestamp': '1', 'webhook-signature': 'v1,ü v1, v2,x' }
        expect((await fetch(url, { method: 'POST', body: '{}', headers: forged })).status).toBe(401)
        await ann.post(`${PATH}/${id}/test`)
        await untilIdle(app)
        const log = (await ann.get(`${PATH}/${id}/deliveries`)).body
        expect(log).toMatchObject([{ state: 'delivered', status: 204 }])
        child.kill()
        expect(await new Response(child.stdout).text()).toBe(`${log[0].id} webhook.test\n`)
      } finally {
        child.kill()
        await child.exited
      }
    })
  }

  test('the pages do what the routes do', async () => {
    const ann = await app.member()
    const receiver = Bun.serve({
      port: 0,
      hostname: '127.0.0.1',
      fetch: () => new Response('<b>hm</b>', { status: 500 }),
    })
    try {
      expect((await ann.get('/api/auth/account', HTML)).text).toContain(`<a href="${OWN}">`)
      const wrong = await submit(ann, `${OWN}/new`, { url: 'ftp://a', types: '' })
      expect([wrong.status, wrong.text.includes('must be a URL')]).toEqual([400, true])
      const made = await submit(ann, `${OWN}/new`, { url: receiver.url.href, types: 'webhook.test' })
      expect(made.text).toMatch(/<pre>whsec_[^<]{44}<\/pre>/)
      const [{ id }] = (await ann.get(PATH)).body
      expect((await ann.get(OWN, HTML)).text).toContain(`${OWN}/of/${id}`)
      await submit(ann, `${OWN}/test`, { id })
      await untilIdle(app)
      const page = (await ann.get(`${OWN}/of/${id}`, HTML)).text
      expect([noticeOf(page), page.includes('500: &lt;b&gt;hm')]).toEqual(['A test is on its way', true])
      const [{ id: delivery }] = (await ann.get(`${PATH}/${id}/deliveries`)).body
      for (const [path, fields] of [
        ['pause', { id }],
        ['resume', { id }],
        ['missed', { id }],
        [`of/${id}/again`, { id: delivery }],
      ] as const)
        expect((await submit(ann, `${OWN}/${path}`, fields)).headers.get('location')).toBe(`${OWN}/of/${id}`)
      expect((await submit(ann, `${OWN}/secret`, { id })).text).toContain('<pre>whsec_')
      const bob = await app.member()
      expect((await submit(bob, `${OWN}/delete`, { id })).status).toBe(404)
      expect((await bob.get(`${OWN}/of/${id}`, HTML)).status).toBe(404)
      expect((await submit(ann, `${OWN}/delete`, { id })).headers.get('location')).toBe(OWN)
      await untilIdle(app)
    } finally {
      await receiver.stop(true)
    }
  })
})

describe('in production', () => {
  test('without SECRET_KEYS there are no webhooks', async () => {
    const app = await startApp({ NODE_ENV: 'production', SECRET_KEYS: '' })
    try {
      const reply = await (await app.member()).post(PATH, { url: 'https://hooks.example' })
      expect([reply.status, reply.body.code]).toEqual([403, 'webhooks_closed'])
    } finally {
      await app.close()
    }
  })

  test('http is refused, and nothing reaches an address that is not public', async () => {
    let reached = 0
    const receiver = Bun.serve({
      port: 0,
      hostname: '127.0.0.1',
      fetch: () => new Response(String(reached++)),
    })
    const app = await startWithWorker({ NODE_ENV: 'production', SECRET_KEYS: newSecretKey() })
    try {
      const ann = await app.member()
      expect((await ann.post(PATH, { url: receiver.url.href })).body.issues).toEqual([
        { path: 'url', message: 'must begin with https://' },
      ])
      for (const host of ['127.0.0.1', 'localhost', '0x7f.1', '[::ffff:127.0.0.1]']) {
        const { id } = (await ann.post(PATH, { url: `https://${host}:${receiver.port}/` })).body
        await ann.post(`${PATH}/${id}/test`)
        await untilIdle(app)
        const answer = 'its name leads to an address that is not public'
        expect((await ann.get(`${PATH}/${id}/deliveries`)).body).toMatchObject([{ status: null, answer }])
      }
      expect(reached).toBe(0)
    } finally {
      await app.close()
      await receiver.stop(true)
    }
  })
})
