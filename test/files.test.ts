// Files: an upload from its announcement to its bytes, who reads them, and what is left of it once it goes.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { eq, sql } from 'drizzle-orm'
import { pgTable, uuid } from 'drizzle-orm/pg-core'
import { fileJobs, usableFile } from '../src/files/files.ts'
import { files } from '../src/files/table.ts'
import { storeOf } from '../src/kit/files/purposes.ts'
import type { Job } from '../src/kit/jobs/task.ts'
import type { FileStore } from '../src/kit/files/store.ts'
import type { Client, Reply } from './kit/support/client.ts'
import { openObserved } from './kit/support/plans.ts'
import { until } from './kit/support/until.ts'
import { startApp, type TestApp } from './support/harness.ts'
import {
  announce,
  announcement,
  complete,
  linkOf,
  pdf,
  png,
  resolve,
  send,
  sha256,
  uploaded,
} from './support/uploads.ts'
import { schema, startTestWorker, untilIdle } from './support/worker.ts'

const folder = mkdtempSync(join(tmpdir(), 'restbun-files-'))
let app: TestApp
let store: FileStore
beforeAll(async () => {
  app = await startApp({ FILES_URL: pathToFileURL(folder).href })
  store = storeOf(app.deps)
})
afterAll(async () => {
  await app.close()
  rmSync(folder, { recursive: true })
})
afterEach(async () => {
  await app.deps.db.delete(files)
  for (const name of await namesIn()) await store.remove(name)
})

const said = ({ status, body }: Reply) => (status < 400 ? status : `${status} ${body?.code}`)
const namesIn = async () => (await Array.fromAsync(store.list())).map(({ name }) => name)
const age = (id: string, interval: string) =>
  app.deps.db
    .update(files)
    .set({ changed: sql`now() - ${interval}::interval` })
    .where(eq(files.id, id))
const image = { purpose: 'image', name: 'me.png', type: 'image/png' }

/** Runs what a worker has to do about files, until nothing of it is left. */
async function work(input?: { store: boolean }) {
  const worker = await startTestWorker(app)
  try {
    if (input) await app.deps.enqueue(fileJobs.sweepFiles, input)
    await untilIdle(app)
  } finally {
    await worker.stop()
  }
}

describe('an upload', () => {
  test('goes from its announcement to a file that its owner reads', async () => {
    const ann = await app.member()
    const bytes = pdf('hello')
    const file = await announce(ann, bytes, { name: 'My letter.pdf' })
    expect(file).toMatchObject({ name: 'My letter.pdf', state: 'pending', size: bytes.length })
    expect((await send(ann, file, bytes)).status).toBe(204)
    expect((await complete(ann, file)).body).toMatchObject({ id: file.id, state: 'ready' })
    const read = await fetch(await linkOf(ann, file.id))
    expect(new Uint8Array(await read.arrayBuffer())).toEqual(bytes)
    expect(Object.fromEntries(read.headers)).toMatchObject({
      'content-type': 'application/pdf',
      'content-length': String(bytes.length),
      'content-disposition': `attachment; filename="My letter.pdf"; filename*=UTF-8''My%20letter.pdf`,
      'x-content-type-options': 'nosniff',
      'cache-control': 'private, no-cache',
    })
    expect(read.headers.get('content-security-policy')).toContain('sandbox')
    expect((await ann.get('/api/files')).body).toMatchObject([{ id: file.id, state: 'ready' }])
  })

  test('takes no other bytes, neither more, fewer nor others of the same number', async () => {
    const ann = await app.member()
    const bytes = pdf('hello')
    const file = await announce(ann, bytes)
    for (const other of [pdf('hello!'), pdf('hell'), pdf('jello')])
      expect((await send(ann, file, other)).status).toBe(422)
    expect(said(await complete(ann, file))).toBe('409 file_not_uploaded')
    expect(await namesIn()).toEqual([])
    expect((await send(ann, file, bytes, { 'Content-Type': 'text/html' })).status).toBe(415)
    expect((await send(ann, file, bytes)).status).toBe(204)
    expect(said(await complete(ann, file))).toBe(200)
  })

  test('is refused where its first bytes are of another type, and nothing of it is left', async () => {
    const ann = await app.member()
    const bytes = png('<script>')
    const file = await announce(ann, bytes)
    await send(ann, file, bytes)
    expect(said(await complete(ann, file))).toBe('422 file_mismatch')
    expect(said(await complete(ann, file))).toBe('422 file_mismatch')
    expect((await ann.get(`/api/files/${file.id}`)).body).toMatchObject({ state: 'pending' })
    expect(said(await ann.delete(`/api/files/${file.id}`))).toBe(200)
    await work()
    expect(await namesIn()).toEqual([])
  })

  test('is announced with a type and a size that its purpose takes', async () => {
    const ann = await app.member()
    const post = async (more: object) =>
      said(await ann.post('/api/files', { ...announcement(pdf()), ...more }))
    expect(await post({ type: 'text/html' })).toBe('400 invalid_request')
    expect(await post({ size: 101 * 1024 ** 2 })).toBe('400 invalid_request')
    expect(await post({ size: 0 })).toBe('400 invalid_request')
    expect(await post({ purpose: 'toString' })).toBe('400 invalid_request')
    expect(await post({ sha256: 'abc' })).toBe('400 invalid_request')
    expect(said(await app.visitor().post('/api/files', announcement(pdf())))).toBe('401 login_required')
  })

  test('that is completed twice at once is ready once', async () => {
    const ann = await app.member()
    const bytes = pdf('twice')
    const file = await announce(ann, bytes)
    await send(ann, file, bytes)
    const replies = await Promise.all(Array.from({ length: 8 }, () => complete(ann, file)))
    expect(replies.map(({ status, body }) => [status, body.state])).toEqual(replies.map(() => [200, 'ready']))
    const [row] = await app.deps.db.select().from(files).where(eq(files.id, file.id))
    expect(await namesIn()).toEqual([row?.object ?? ''])
    expect(await fetch(await linkOf(ann, file.id)).then((read) => read.bytes())).toEqual(bytes)
  })

  test('is one at a time of each file: a URL fills no disk with what it begins', async () => {
    const [ann, bytes] = [await app.member(), pdf('x'.repeat(1000))]
    const file = await announce(ann, bytes)
    const { hostname, port, pathname, search } = new URL(resolve(ann, file.upload.url))
    const said: string[] = []
    const slow = await Bun.connect({
      hostname,
      port: Number(port),
      socket: { data: (_, data) => void said.push(data.toString()) },
    })
    const head = `PUT ${pathname}${search} HTTP/1.1\r\nHost: x\r\nContent-Type: application/pdf\r\n`
    slow.write(`${head}Content-Length: ${bytes.length}\r\n\r\n`)
    slow.write(bytes.subarray(0, 500))
    await until('its draft', () => [...new Bun.Glob('drafts/*').scanSync(folder)].length > 0)
    expect((await send(ann, file, bytes)).status).toBe(409)
    slow.write(bytes.subarray(500))
    await until('an answer', () => said.join('').startsWith('HTTP/1.1 204'))
    slow.end()
    expect((await complete(ann, file)).body).toMatchObject({ state: 'ready' })
  })

  test('by a URL that was changed, is of another file or has expired is refused', async () => {
    const ann = await app.member()
    const [one, other] = [pdf('one'), pdf('two')]
    const [file, second] = [await announce(ann, one), await announce(ann, other)]
    const token = new URL(resolve(ann, file.upload.url)).searchParams.get('token') ?? ''
    const to = (id: string, by: string) => ({
      upload: { ...file.upload, url: `/api/files/${id}/incoming?token=${by}` },
    })
    expect((await send(ann, to(second.id, token), one)).status).toBe(403)
    const [head, tail] = [token.slice(0, -9), token.slice(-8)]
    const changed = `${head}${token.at(-9) === 'A' ? 'B' : 'A'}${tail}`
    expect((await send(ann, to(file.id, changed), one)).status).toBe(403)
    expect((await send(ann, to(file.id, 'x'), one)).status).toBe(403)
    const { secrets } = app.deps
    const [late, early] = [-1, 60_000].map((ms) => new Date(Date.now() + ms).toISOString()) as [
      string,
      string,
    ]
    const expired = await secrets.seal('files.incoming', file.id, late)
    expect((await send(ann, to(file.id, expired), one)).status).toBe(403)
    const ofLink = await secrets.seal('files.kept', file.id, early)
    expect((await send(ann, to(file.id, ofLink), one)).status).toBe(403)
  })

  test('of a body larger than BODY_LIMIT is taken, and one without a length is not', async () => {
    const ann = await app.member()
    const bytes = pdf('x'.repeat(3 * 1024 ** 2))
    const file = await announce(ann, bytes)
    const endless = new ReadableStream({ pull: (to) => (to.enqueue(bytes), to.close()) })
    const reply = await fetch(resolve(ann, file.upload.url), {
      method: 'PUT',
      headers: file.upload.headers,
      body: endless,
    })
    expect(reply.status).toBe(411)
    expect((await send(ann, file, bytes)).status).toBe(204)
    expect(said(await complete(ann, file))).toBe(200)
  })
})

describe('a form', () => {
  const formOf = (
    bytes: Uint8Array,
    fields: Record<string, string> = { purpose: 'document' },
    name = 'a.pdf',
  ) => {
    const form = new FormData()
    for (const [field, value] of Object.entries(fields)) form.append(field, value)
    form.append('file', new File([new Uint8Array(bytes)], name, { type: 'application/pdf' }))
    return form
  }
  const post = (client: Client, body: FormData | string, headers: Record<string, string> = {}) => {
    const cookie = client.cookieHeader
    return fetch(`${client.url}/api/small-files`, {
      method: 'POST',
      headers: { Cookie: cookie, ...headers },
      body,
    })
  }
  const outcome = async (reply: Response) => {
    const body = (await reply.json()) as { id: string; code?: string; state?: string; size?: number }
    return { ...body, said: reply.status < 400 ? reply.status : `${reply.status} ${body.code}` }
  }

  test('uploads a file at once, larger than BODY_LIMIT, and its bytes are read as any', async () => {
    const ann = await app.member()
    const bytes = pdf('x'.repeat(3 * 1024 ** 2))
    const file = await outcome(await post(ann, formOf(bytes)))
    expect(file).toMatchObject({ said: 201, state: 'ready', size: bytes.length, sha256: sha256(bytes) })
    expect(await fetch(await linkOf(ann, file.id)).then((read) => read.bytes())).toEqual(bytes)
  })

  test('that is refused leaves neither bytes nor a place taken', async () => {
    const ann = await app.member()
    const said = async (body: FormData | string, headers?: Record<string, string>) =>
      (await outcome(await post(ann, body, headers))).said
    expect(await said(formOf(png()))).toBe('422 file_mismatch')
    expect(await said(formOf(pdf(), { purpose: 'other' }))).toBe('400 invalid_request')
    expect(await said(formOf(pdf(), { purpose: 'image' }))).toBe('400 invalid_request')
    expect(await said(formOf(pdf(), {}))).toBe('400 invalid_request')
    expect(await said(formOf(new Uint8Array()))).toBe('400 invalid_request')
    expect(await said(formOf(pdf('x'.repeat(11 * 1024 ** 2))))).toBe('413 content_too_large')
    expect(await said('{}', { 'Content-Type': 'application/json' })).toBe('415 unsupported_media_type')
    expect(await said('--x\r\n', { 'Content-Type': 'multipart/form-data; boundary=x' })).toBe(
      '400 invalid_request',
    )
    expect((await outcome(await post(app.visitor(), formOf(pdf())))).said).toBe('401 login_required')
    expect(await app.deps.db.select().from(files)).toEqual([])
    await work()
    expect(await namesIn()).toEqual([])
  })
})

describe('reading', () => {
  test('is for the owner alone, by any id, and by links that live for minutes', async () => {
    const [ann, bob] = [await app.member(), await app.member()]
    const file = await uploaded(ann, pdf('secret'))
    const calls: [string, string][] = [
      ['GET', ''],
      ['GET', '/content'],
      ['POST', '/complete'],
      ['DELETE', ''],
    ]
    for (const [method, path] of calls)
      expect(said(await bob.send(method, `/api/files/${file.id}${path}`))).toBe('404 not_found')
    expect((await bob.get('/api/files')).body).toEqual([])
    expect(said(await app.visitor().get(`/api/files/${file.id}/content`))).toBe('401 login_required')
    expect(said(await app.visitor().get(`/api/files/${file.id}/public`))).toBe('404 not_found')
    const link = new URL(await linkOf(ann, file.id))
    const object = link.pathname.split('/')[3] ?? ''
    const late = new Date(Date.now() - 1).toISOString()
    link.searchParams.set('token', await app.deps.secrets.seal('files.kept', object, late))
    expect((await fetch(link)).status).toBe(403)
    link.searchParams.set('token', 'x'.repeat(50))
    expect((await fetch(link)).status).toBe(403)
  })

  test('of what is pending there is none, and a link leads nowhere once its file is deleted', async () => {
    const ann = await app.member()
    expect(said(await ann.get(`/api/files/${(await announce(ann, pdf())).id}/content`))).toBe('404 not_found')
    const file = await uploaded(ann, pdf('gone'))
    const link = await linkOf(ann, file.id)
    expect(said(await ann.delete(`/api/files/${file.id}`))).toBe(200)
    expect((await fetch(link)).status).toBe(404)
    await work()
    expect(await namesIn()).toEqual([])
  })

  test('of a public file takes no session, and caches keep it', async () => {
    const ann = await app.member()
    const bytes = png('face')
    const { id } = await uploaded(ann, bytes, image)
    const read = await fetch(`${app.url}/api/files/${id}/public`)
    expect([read.status, await read.bytes()]).toEqual([200, bytes])
    expect(Object.fromEntries(read.headers)).toMatchObject({
      'cache-control': 'public, max-age=31536000, immutable',
      'content-disposition': `inline; filename="me.png"; filename*=UTF-8''me.png`,
      'cross-origin-resource-policy': 'cross-origin',
    })
    const again = await fetch(read.url, { headers: { 'If-None-Match': read.headers.get('etag') ?? '' } })
    expect(again.status).toBe(304)
  })

  test.each([
    ['bytes=0-3', 206, '%PDF', 'bytes 0-3/14'],
    ['bytes=9-', 206, 'hello', 'bytes 9-13/14'],
    ['bytes=-5', 206, 'hello', 'bytes 9-13/14'],
    ['bytes=9-999', 206, 'hello', 'bytes 9-13/14'],
    ['bytes=14-', 416, undefined, 'bytes */14'],
    ['bytes=-0', 416, undefined, 'bytes */14'],
    ['bytes=5-2', 200, '%PDF-1.7\nhello', null],
    ['bytes=0-1,4-5', 200, '%PDF-1.7\nhello', null],
    ['rows=1-2', 200, '%PDF-1.7\nhello', null],
  ])('of a range %s answers %d', async (range, status, text, contentRange) => {
    const ann = await app.member()
    const link = await linkOf(ann, (await uploaded(ann, pdf('hello'))).id)
    const read = await fetch(link, { headers: { Range: range } })
    expect([read.status, read.headers.get('content-range')]).toEqual([status, contentRange])
    const body = await read.text()
    if (text !== undefined) expect(body).toBe(text)
    const other = await fetch(link, { headers: { Range: range, 'If-Range': '"another"' } })
    expect(other.status).toBe(200)
  })
})

describe('names', () => {
  test.each([
    ['../../etc/passwd', 'passwd.pdf'],
    ['C:\\Users\\ann\\letter.pdf', 'letter.pdf'],
    ['invoice\u202efdp.exe', 'invoicefdp.exe.pdf'],
    ['a\r\nSet-Cookie: b=c.pdf', 'aSet-Cookie_ b=c.pdf'],
    ['page.html', 'page.html.pdf'],
    ['.htaccess', 'htaccess.pdf'],
    ['"quoted".PDF', '_quoted_.PDF'],
    ['...', 'file.pdf'],
    ['Übergröße 😀.pdf', 'Übergröße 😀.pdf'],
    ['x'.repeat(400), `${'x'.repeat(150)}.pdf`],
  ])('%j becomes %j', async (given, name) => {
    const ann = await app.member()
    const file = await uploaded(ann, pdf(), { name: given })
    expect(file.name).toBe(name)
    const read = await fetch(await linkOf(ann, file.id))
    const header = read.headers.get('content-disposition') ?? ''
    expect(decodeURIComponent(header.split("UTF-8''")[1] ?? '')).toBe(name)
    expect(header).toMatch(/^attachment; filename="[ !#-$&-[\]-~]*"; filename\*=UTF-8''[\w.~!%&+-]*$/)
  })
})

describe('quotas', () => {
  const almostFull = (account: string, rows: number, size = 1) =>
    app.deps.db.execute(sql`insert into ${files} (account, purpose, name, type, size, sha256)
      select ${account}, 'document', 'a.pdf', 'application/pdf', ${size}, '' from generate_series(1, ${rows})`)

  test('of twenty that are announced at once as many fit as there is room for, by count and by bytes', async () => {
    const [ann, bob] = [await app.member(), await app.member()]
    await almostFull(ann.user.id, 97)
    await almostFull(bob.user.id, 9, 100 * 1024 ** 2)
    const tryAll = async (client: Client, size: number) => {
      const input = { ...announcement(pdf()), size }
      const replies = await Promise.all(Array.from({ length: 20 }, () => client.post('/api/files', input)))
      return Map.groupBy(replies.map(said), String)
    }
    const byCount = await tryAll(ann, 1)
    expect([byCount.get('201')?.length, byCount.get('409 file_quota_exceeded')?.length]).toEqual([3, 17])
    const byBytes = await tryAll(bob, 40 * 1024 ** 2)
    expect([byBytes.get('201')?.length, byBytes.get('409 file_quota_exceeded')?.length]).toEqual([2, 18])
  })

  test('are given back by what is deleted', async () => {
    const ann = await app.member()
    await almostFull(ann.user.id, 99)
    const file = await announce(ann, pdf())
    expect(said(await ann.post('/api/files', announcement(pdf())))).toBe('409 file_quota_exceeded')
    expect(said(await ann.delete(`/api/files/${file.id}`))).toBe(200)
    expect(said(await ann.post('/api/files', announcement(pdf())))).toBe(201)
  })
})

describe('the sweep', () => {
  test('takes a hundred thousand uploads that were never completed, and no others', async () => {
    const ann = await app.member()
    const young = await announce(ann, pdf('young'))
    const ready = await uploaded(ann, pdf('ready'))
    await app.deps.db.execute(sql`insert into ${files} (account, purpose, name, type, size, sha256, changed)
      select ${ann.user.id}, 'document', 'a.pdf', 'application/pdf', 1, '', now() - interval '3 hours'
      from generate_series(1, 100000)`)
    await age(ready.id, '1 year')
    await work({ store: true })
    const left = await app.deps.db.select({ id: files.id }).from(files)
    expect(left.map(({ id }) => id).toSorted()).toEqual([young.id, ready.id].toSorted())
    expect((await fetch(await linkOf(ann, ready.id))).status).toBe(200)
  })

  test('reads each upload a few times, also where Postgres last saw a table that was almost empty', async () => {
    const observed = await openObserved()
    try {
      await observed.fillUnnoticed(['files'], () =>
        observed.db.execute(sql`insert into ${files} (purpose, name, type, size, sha256, changed)
          select 'document', 'a.pdf', 'application/pdf', 1, '', now() - interval '3 hours'
          from generate_series(1, 5000)`),
      )
      const job = { signal: new AbortController().signal, log: app.deps.log } as Job
      const { read } = await observed.rowsRead(async (db) => {
        await fileJobs.sweepFiles.execute({ store: false }, job, { ...app.deps, schema, db })
        expect(await db.$count(files)).toBe(0)
        return []
      })
      expect(read).toBeLessThan(300_000)
    } finally {
      await observed.close()
    }
  })

  test('takes what is attached to nothing, and what has no account any more', async () => {
    const ann = await app.member()
    const face = await uploaded(ann, png('face'), image)
    const letter = await uploaded(ann, pdf('letter'))
    await app.deps.db.update(files).set({ account: null }).where(eq(files.id, letter.id))
    await work({ store: false })
    expect((await app.deps.db.select().from(files)).map(({ id }) => id)).toEqual([face.id])
    await age(face.id, '2 days')
    await work({ store: false })
    expect(await app.deps.db.select().from(files)).toEqual([])
    expect(await namesIn()).toEqual([])
  })
})

describe('what a row refers to', () => {
  const albums = pgTable('albums', {
    id: uuid().primaryKey().defaultRandom(),
    photo: uuid().references(() => files.id, { onDelete: 'restrict' }),
  })
  beforeAll(async () => {
    await app.deps.db.execute(sql`create table albums (id uuid primary key default gen_random_uuid(),
      photo uuid references files on delete restrict)`)
  })
  const sweep = () => {
    const job = { signal: new AbortController().signal, log: app.deps.log } as never as Job
    return fileJobs.sweepFiles.execute({ store: false }, job, { ...app.deps, schema: { ...schema, albums } })
  }

  test('stays, whoever would delete it, and goes once nothing does', async () => {
    const ann = await app.member()
    const { id } = await uploaded(ann, png('face'), image)
    await app.deps.db.insert(albums).values({ photo: id })
    await age(id, '1 year')
    expect(said(await ann.delete(`/api/files/${id}`))).toBe('409 foreign_key_violation')
    await app.deps.db.update(files).set({ account: null })
    await sweep()
    expect((await fetch(`${app.url}/api/files/${id}/public`)).status).toBe(200)
    await app.deps.db.delete(albums)
    await sweep()
    await work()
    expect([await app.deps.db.select().from(files), await namesIn()]).toEqual([[], []])
  })

  test('is one’s own, ready, and for the right purpose', async () => {
    const [ann, bob] = [await app.member(), await app.member()]
    const scope = (client: typeof ann) => ({ db: app.deps.db, me: client.user.id as string, role: null })
    const face = await uploaded(ann, png('face'), image)
    const letter = await uploaded(ann, pdf('letter'))
    const pending = await announce(ann, png('later'), image)
    const isUsable = async (client: typeof ann, id: string) =>
      (await usableFile(scope(client), 'image')(id)) !== undefined
    expect(await Promise.all([face, letter, pending].map(({ id }) => isUsable(ann, id)))).toEqual([
      true,
      false,
      false,
    ])
    expect(await isUsable(bob, face.id)).toBe(false)
  })
})

test('a deleted account takes its files along', async () => {
  const ann = await app.member()
  await uploaded(ann, pdf('mine'))
  expect(schema).toHaveProperty('files')
  const { deleteFor } = await import('../src/account/deletion.ts')
  const { users } = await import('../src/account/table.ts')
  const { deleteDueAccounts } = await import('../src/tasks.ts')
  await deleteFor(app.deps, ann.user.id, { command: 'test' })
  await app.deps.db
    .update(users)
    .set({ deletes: sql`now()` })
    .where(eq(users.id, ann.user.id))
  await app.deps.enqueue(deleteDueAccounts, {})
  await work()
  await work({ store: true })
  expect(await app.deps.db.select().from(files)).toEqual([])
  expect(await namesIn()).toEqual([])
})
