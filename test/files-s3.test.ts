// Files in a bucket: what is signed, what the S3 refuses by it, and what is checked here because not every S3 does.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test'
import { settings } from '../src/config.ts'
import { fileJobs } from '../src/files/files.ts'
import { files } from '../src/files/table.ts'
import type { Reply } from './kit/support/client.ts'
import { startApp, type TestApp } from './support/harness.ts'
import { type S3Options, startS3 } from './support/s3.ts'
import { announce, complete, linkOf, pdf, png, send, uploaded } from './support/uploads.ts'
import { startTestWorker, untilIdle } from './support/worker.ts'

const said = ({ status, body }: Reply) => (status < 400 ? status : `${status} ${body?.code}`)

function withS3(options: S3Options = {}) {
  const s3 = startS3(options)
  const given: { s3: typeof s3; app: TestApp } = { s3, app: undefined as never }
  beforeAll(async () => {
    given.app = await startApp({ FILES_URL: s3.url })
  })
  afterEach(async () => {
    await given.app.deps.db.delete(files)
    s3.objects.clear()
    s3.asked.length = 0
  })
  afterAll(async () => {
    await given.app.close()
    await s3.stop()
  })
  return given
}

async function work(app: TestApp) {
  const worker = await startTestWorker(app)
  try {
    await app.deps.enqueue(fileJobs.sweepFiles, { store: true })
    await untilIdle(app)
  } finally {
    await worker.stop()
  }
}

describe('an S3 that enforces what is signed', () => {
  const given = withS3({ page: 2 })

  test('takes an upload past this service, and gives it by a link', async () => {
    const { app, s3 } = given
    const ann = await app.member()
    const bytes = pdf('hello')
    const file = await announce(ann, bytes, { name: 'Übergabe (1).pdf' })
    expect(new URL(file.upload.url).origin).toBe(new URL(s3.url.replace('s3+http', 'http')).origin)
    expect((await send(ann, file, bytes)).status).toBe(200)
    expect((await complete(ann, file)).body).toMatchObject({ state: 'ready' })
    const read = await fetch(await linkOf(ann, file.id))
    expect([read.status, await read.bytes()]).toEqual([200, bytes])
    expect(read.headers.get('content-type')).toBe('application/pdf')
    expect(read.headers.get('content-disposition')).toBe(
      `attachment; filename="_bergabe (1).pdf"; filename*=UTF-8''%C3%9Cbergabe%20%281%29.pdf`,
    )
    expect([...s3.objects.keys()].map((name) => name.slice(0, -9))).toEqual([`kept/${file.id}`])
    // Its checksum was told: the bytes were not read again.
    expect(s3.asked.filter((call) => call.startsWith('GET'))).toHaveLength(2)
  })

  test('refuses other bytes, lengths, types, objects and methods than were signed', async () => {
    const { app, s3 } = given
    const ann = await app.member()
    const bytes = pdf('hello')
    const file = await announce(ann, bytes)
    const { upload } = file
    expect((await send(ann, file, pdf('jello'))).status).toBe(400)
    expect((await send(ann, file, pdf('hello!'))).status).toBe(403)
    expect((await send(ann, file, bytes, { 'content-type': 'text/html' })).status).toBe(403)
    expect((await send(ann, file, bytes, { 'x-amz-acl': 'public-read' })).status).toBe(403)
    const other = { upload: { ...upload, url: upload.url.replace('incoming/', 'kept/') } }
    expect((await send(ann, other, bytes)).status).toBe(403)
    expect((await send(ann, { upload: { ...upload, method: 'DELETE' } }, bytes)).status).toBe(403)
    const late = { upload: { ...upload, url: upload.url.replace('X-Amz-Expires=900', 'X-Amz-Expires=9000') } }
    expect((await send(ann, late, bytes)).status).toBe(403)
    expect(s3.objects.size).toBe(0)
    expect(said(await complete(ann, file))).toBe('409 file_not_uploaded')
  })

  test('takes what comes by a form, piece by piece, with its length', async () => {
    const { app, s3 } = given
    const ann = await app.member()
    const [bytes, body] = [pdf('by form'), new FormData()]
    body.append('purpose', 'document')
    body.append('file', new File([new Uint8Array(bytes)], 'a.pdf', { type: 'application/pdf' }))
    const Cookie = ann.cookieHeader
    const reply = await fetch(`${app.url}/api/small-files`, { method: 'POST', headers: { Cookie }, body })
    const { id } = (await reply.json()) as { id: string }
    expect(reply.status).toBe(201)
    expect(await fetch(await linkOf(ann, id)).then((read) => read.bytes())).toEqual(bytes)
    expect(s3.objects.size).toBe(1)
  })

  test('has one link to a public file for a day, which caches know again', async () => {
    const ann = await given.app.member()
    const { id } = await uploaded(ann, png('face'), { purpose: 'image', name: 'me.png', type: 'image/png' })
    const ask = () => fetch(`${given.app.url}/api/files/${id}/public`, { redirect: 'manual' })
    const [one, other] = [await ask(), await ask()]
    expect([one.status, one.headers.get('cache-control')]).toEqual([302, 'public, max-age=3600'])
    expect(one.headers.get('location')).toBe(other.headers.get('location'))
    const read = await fetch(one.headers.get('location') ?? '')
    expect([read.status, read.headers.get('cache-control')]).toEqual([
      200,
      'public, max-age=31536000, immutable',
    ])
  })

  test('that is away is a 503, and the same calls go on once it is back', async () => {
    const { app, s3 } = given
    const ann = await app.member()
    const bytes = pdf('away')
    const file = await announce(ann, bytes)
    await send(ann, file, bytes)
    s3.setAway(true)
    expect(said(await complete(ann, file))).toBe('503 unavailable')
    s3.setAway(false)
    expect(said(await complete(ann, file))).toBe(200)
  })

  test('is swept of what no row knows, page by page, and of nothing else', async () => {
    const { app, s3 } = given
    const ann = await app.member()
    const ready = await uploaded(ann, pdf('ready'))
    const pending = await announce(ann, pdf('pending'))
    await send(ann, pending, pdf('pending'))
    const gone = crypto.randomUUID()
    const stray = { bytes: pdf(), type: '', checksum: undefined, modified: new Date() }
    const strays = [
      `incoming/${gone}`,
      `kept/${gone}.12345678`,
      `incoming/${ready.id}`,
      `kept/${ready.id}.12345678`,
    ]
    for (const name of [...strays, 'other/thing']) s3.objects.set(name, { ...stray })
    const before = [...s3.objects.keys()]
    await work(app) // all are young
    expect([...s3.objects.keys()]).toEqual(before)
    for (const object of s3.objects.values()) object.modified = new Date(Date.now() - 31 * 24 * 60 * 60_000)
    await work(app)
    expect([...s3.objects.keys()].toSorted()).toEqual(
      before.filter((name) => !strays.includes(name)).toSorted(),
    )
  })
})

describe('an S3 that compares no checksums', () => {
  const given = withS3({ knowsChecksums: false })

  test('keeps no other bytes than were announced: they are read once they are copied', async () => {
    const { app, s3 } = given
    const ann = await app.member()
    const file = await announce(ann, pdf('hello'))
    expect((await send(ann, file, pdf('jello'))).status).toBe(200)
    expect(said(await complete(ann, file))).toBe('422 file_mismatch')
    expect([...s3.objects.keys()]).toEqual([`incoming/${file.id}`])
    expect((await send(ann, file, pdf('hello'))).status).toBe(200)
    expect(said(await complete(ann, file))).toBe(200)
  })

  test('has the same bytes for good, whatever is uploaded by the URL afterwards', async () => {
    const { app } = given
    const ann = await app.member()
    const file = await uploaded(ann, pdf('hello'))
    const announced = await announce(ann, pdf('hello'))
    await send(ann, announced, pdf('hello'))
    await complete(ann, announced)
    expect((await send(ann, announced, pdf('jello'))).status).toBe(200)
    expect(said(await complete(ann, announced))).toBe(200)
    for (const { id } of [file, announced])
      expect(await fetch(await linkOf(ann, id)).then((read) => read.text())).toBe('%PDF-1.7\nhello')
  })
})

test('FILES_URL says what is wrong with it, and is printed without its secret', () => {
  const load = (FILES_URL: string) =>
    settings.load({ DATABASE_URL: 'postgres://none', REDIS_URL: 'redis://none', FILES_URL })
  for (const wrong of [
    's3://host/bucket',
    's3://key:secret@host',
    's3://k:s@h/b/c',
    'ftp://x/y',
    's3://k:s@h/buck?acl=x',
    'files',
  ])
    expect(() => load(wrong)).toThrow('FILES_URL ')
  const { secret, url } = startedOnce
  expect(JSON.stringify(settings.print(load(url)))).not.toContain(secret)
  expect(JSON.stringify(settings.print(load(url)))).not.toContain(encodeURIComponent(secret))
  expect(load('file:///srv/files').filesUrl).toBe('file:///srv/files')
})

const startedOnce = startS3()
afterAll(() => startedOnce.stop())
