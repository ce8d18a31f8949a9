// Calls that are tried on the API list and have no JSON: a stream, a file, bytes, a redirect.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { Hono } from 'hono'
import { z } from 'zod'
import type { ApiRoute } from '../../../src/kit/http/doc.ts'
import { ApiList, ApiListBody, callsOf } from '../../../src/kit/reference/api-list.tsx'
import { describeApi } from '../../../src/kit/reference/operations.ts'
import { tryScript } from '../../../src/kit/reference/try-script.ts'
import { loadConfig } from '../product/product.ts'
import { findChromium, launchChromium } from '../support/chromium.ts'
import { curlWords } from '../support/shell.ts'
import { until } from '../support/until.ts'

const route = (
  method: string,
  path: string,
  response: string | null,
  more: Partial<ApiRoute> = {},
): ApiRoute => ({
  method,
  path,
  base: '/api',
  doc: {
    summary: `It says </script><script>document.title='pwned'</script>.`,
    response: response as `${string}/${string}`,
    status: 200,
  },
  role: undefined,
  inputs: [],
  errors: [],
  commonErrors: [],
  otherStatuses: [],
  ...more,
})
const Form = z.object({ kind: z.enum(['a', 'b']), file: z.string() })
const api = describeApi([
  route('GET', '/api/news/:topic', 'text/event-stream'),
  route('POST', '/api/pictures', 'text/plain', { inputs: [{ target: 'file', schema: Form }] }),
  route('GET', '/api/picture', 'image/png'),
  route('GET', '/api/away', null),
  route('GET', '/api/flood', 'text/plain'),
  route('DELETE', '/api/pages/:id', null),
])

const executable = findChromium()
if (executable === undefined)
  process.stderr.write('SKIPPED test/kit/reference/try-it.test.ts: there is no Chromium here.\n')

describe.skipIf(executable === undefined)('in a browser', () => {
  const config = loadConfig({ DATABASE_URL: 'postgres://localhost/none', REDIS_URL: 'redis://localhost' })
  let browser: Awaited<ReturnType<typeof launchChromium>>
  let server: Bun.Server<undefined>
  let told: ReadableStreamDefaultController | undefined
  let left = false
  let floodEnded = false
  let flooded = 0
  const deleted: string[] = []

  beforeAll(async () => {
    const app = new Hono()
      .get('/', async (c) => {
        Object.assign(c, { get: (name: string) => (name === 'config' ? config : () => []) })
        const body = String(await ApiListBody({ config, api, groups: {}, roles: [] }))
        return c.html(
          ApiList({ c, config, startedAt: 0, endpoints: 6, body, scripts: [tryScript(callsOf(api))] }),
        )
      })
      .get('/api/news/:topic', (c) => {
        const body = new ReadableStream({
          start: (control) => void (told = control),
          cancel: () => void (left = true),
        })
        told?.enqueue(new TextEncoder().encode(`data: ${c.req.param('topic')}\n\n`))
        return c.body(body, 200, { 'Content-Type': 'text/event-stream' })
      })
      .post('/api/pictures', async (c) => {
        const { kind, file } = await c.req.parseBody<{ kind: string; file: File }>()
        return c.text(`${kind}: ${file.name}, ${await file.text()}`)
      })
      .get('/api/picture', (c) => c.body('12345', 200, { 'Content-Type': 'image/png' }))
      .get('/api/flood', (c) => {
        const pull = (control: ReadableStreamDefaultController) => {
          control.enqueue(new Uint8Array(65_536).fill(60))
          flooded += 65_536
        }
        return c.body(new ReadableStream({ pull, cancel: () => void (floodEnded = true) }), 200, {
          'Content-Type': 'text/html',
        })
      })
      .delete('*', (c) => c.text(String(deleted.push(c.req.path))))
      .get('/api/away', (c) => c.redirect('https://elsewhere.example/'))
    server = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: app.fetch })
    browser = await launchChromium(executable ?? '')
  })
  afterAll(async () => {
    await browser?.close()
    await server?.stop(true)
  })

  /** Unfolds an endpoint and its form. */
  async function open(id: string) {
    const context = await browser.newContext()
    const page = await context.newPage()
    await page.goto(`${server.url.href}#${id}`)
    const article = page.locator('article').filter({ has: page.locator(`[id="${id}"]`) })
    await article.getByRole('button', { name: 'Try it' }).click()
    const send = () => article.getByRole('button', { name: 'Send' }).click()
    return { article, send, page, result: article.locator('.result'), close: () => context.close() }
  }

  test('a stream is shown as it comes, until one stops it', async () => {
    const { article, send, result, close } = await open('GET/api/news/:topic')
    await article.getByLabel('topic').fill('weather & more')
    await send()
    await result.getByText('200 OK').waitFor()
    for (const line of ['data: sun', 'data: rain']) {
      told?.enqueue(new TextEncoder().encode(`${line}\n\n`))
      await result.getByText(line).waitFor()
    }
    await article.getByRole('button', { name: 'Stop' }).click()
    await result.getByText('stopped').waitFor()
    expect(await result.innerText()).toContain("/api/news/weather%20%26%20more'")
    await until('the stream has been left', () => left)
    await close()
  })

  test('a file goes as a part of the form', async () => {
    const { article, send, result, page, close } = await open('POST/api/pictures')
    await article.getByLabel('kind').fill('b')
    await article
      .getByLabel('file')
      .setInputFiles({ name: 'a.txt', mimeType: 'text/plain', buffer: Buffer.from('hi') })
    await send()
    await result.getByText('b: a.txt, hi').waitFor()
    expect(await result.innerText()).toContain("--form-string 'kind=b' \\\n  -F 'file=@\"a.txt\"'")
    // What a description says of a script is not one.
    expect(await page.title()).not.toContain('pwned')
    await close()
  })

  test('what one typed stays a value in the curl that is shown: for the shell, and for curl', async () => {
    const { article, send, result, close } = await open('POST/api/pictures')
    const [kind, name] = [`@/etc/passwd'; exit 3 #$(exit 3)`, `a";type=text/html;'$(exit 3).txt`]
    await article.getByLabel('kind').fill(kind)
    await article
      .getByLabel('file')
      .setInputFiles({ name, mimeType: 'text/plain', buffer: Buffer.from('hi') })
    await send()
    await result.getByText('200 OK').waitFor()
    const words = await curlWords(await result.locator('.sent').innerText())
    const quoted = name.replace('"', String.raw`\"`)
    expect(words.slice(3)).toEqual(['--form-string', `kind=${kind}`, '-F', `file=@"${quoted}"`])
    await close()
  })

  test('no dots lead from a path to another', async () => {
    const { article, send, result, close } = await open('DELETE/api/pages/:id')
    for (const id of ['..', '.', '...', '../..']) {
      await article.getByLabel('id').fill(id)
      await send()
      await until('it was refused or sent', async () => {
        const isValid = await article
          .locator('input')
          .evaluate((input) => (input as unknown as { validity: { valid: boolean } }).validity.valid)
        return !isValid || deleted.length > 0
      })
    }
    await result.getByText('200 OK').waitFor()
    await until('both were sent', () => deleted.length === 2)
    expect(deleted).toEqual(['/api/pages/...', '/api/pages/..%2F..'])
    await close()
  })

  test('of an answer without an end no more is read than is shown', async () => {
    const { send, result, close } = await open('GET/api/flood')
    await send()
    await until('the answer has been left', () => floodEnded)
    expect(flooded).toBeLessThan(100_000_000) // with what waits in buffers on the way
    expect((await result.locator('pre').nth(1).innerText()).length).toBeLessThan(250_000)
    await close()
  })

  test('of what is no text the size is shown, and a redirect is not followed', async () => {
    const picture = await open('GET/api/picture')
    await picture.send()
    await picture.result.getByText('5 bytes of image/png').waitFor()
    await picture.close()
    const away = await open('GET/api/away')
    await away.send()
    await away.result.getByText('A redirect').waitFor()
    await away.close()
  })
})
