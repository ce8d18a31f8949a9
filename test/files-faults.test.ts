// Files when something breaks: a process that dies at any step, a full disk, a store and a table that differ, a check that says no.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync, utimesSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { eq } from 'drizzle-orm'
import type { Product } from '../src/account/product.ts'
import { fileJobs, fileOptions, purposes } from '../src/files/files.ts'
import { files } from '../src/files/table.ts'
import { complete as completeFile } from '../src/kit/files/complete.ts'
import { createDiskStore } from '../src/kit/files/disk-store.ts'
import { type Purposes, storeOf } from '../src/kit/files/purposes.ts'
import { fileQueries } from '../src/kit/files/queries.ts'
import { fileRoutes } from '../src/kit/files/routes.ts'
import type { FileStore } from '../src/kit/files/store.ts'
import { fileTasks } from '../src/kit/files/tasks.ts'
import { tasks as ofProduct } from '../src/tasks.ts'
import { runCommand } from './kit/support/command.ts'
import { mountSmallDisk } from './kit/support/small-disk.ts'
import { startApp, type TestApp } from './support/harness.ts'
import { announce, announcement, complete, linkOf, pdf, send, sha256, uploaded } from './support/uploads.ts'
import { startTestWorker, untilIdle } from './support/worker.ts'

const folder = mkdtempSync(join(tmpdir(), 'restbun-files-'))
const queries = fileQueries(files)

/** What a scanner would say of a file, by its bytes. */
const scanned: Purposes<Product> = {
  ...purposes,
  scanned: {
    ...purposes.document,
    check: async (_file, open) => !(await new Response(await open()).text()).includes('EICAR'),
  },
}
const scanJobs = fileTasks<Product>(files, scanned)

let app: TestApp
let store: FileStore
beforeAll(async () => {
  app = await startApp({ FILES_URL: pathToFileURL(folder).href })
  store = storeOf(app.deps)
  app.app.route('/api/scanned', fileRoutes<Product>({ ...fileOptions, purposes: scanned, tasks: scanJobs }))
})
afterAll(async () => {
  await app.close()
  rmSync(folder, { recursive: true })
})
afterEach(async () => {
  await app.deps.db.delete(files)
  for (const name of await namesIn()) await store.remove(name)
})

const namesIn = async () => (await Array.fromAsync(store.list())).map(({ name }) => name)
const rowOf = async (id: string) => (await queries.find(app.deps.db, id)) ?? { state: 'gone', object: null }
/** As if so many days had passed for all that the folder holds. */
function growOld(days = 31): Date {
  const then = new Date(Date.now() - days * 24 * 60 * 60_000)
  for (const path of new Bun.Glob('**/*').scanSync(folder)) utimesSync(join(folder, path), then, then)
  return then
}

/** Bytes of which no row knows, as a process leaves them that dies. */
async function keepStray(file: { id: string; size: number; type: string }, body: AsyncIterable<Uint8Array>) {
  const object = await store.keep({ ...file, sha256: await store.write(file, body) })
  await store.remove(`incoming/${file.id}`)
  return object
}

async function work(sweeps: boolean) {
  const own = ofProduct.filter(({ name }) => !Object.values(scanJobs).some((job) => job.name === name))
  const worker = await startTestWorker(app, [...own, ...Object.values(scanJobs)])
  try {
    if (sweeps) await app.deps.enqueue(fileJobs.sweepFiles, { store: true })
    await untilIdle(app)
  } finally {
    await worker.stop()
  }
}

/** Dependencies that stop for good at a step, before or after its effect, as a process does that is killed. */
function dyingAt(step: number) {
  let steps = 0
  let die = () => {}
  const dead = new Promise<'dead'>((resolve) => (die = () => resolve('dead')))
  const live = async () => {
    if (steps++ !== step) return
    die()
    await new Promise(() => {})
  }
  const wrap = <T extends object>(target: T, names: string[]): T =>
    new Proxy(target, {
      get(from, name) {
        const value = Reflect.get(from, name) as unknown
        if (typeof value !== 'function') return value
        const call = value.bind(from) as (...args: unknown[]) => unknown
        if (!names.includes(String(name))) return call
        return async (...args: unknown[]) => {
          await live()
          const result = await call(...args)
          await live()
          return result
        }
      },
    })
  const dying = wrap(store, ['keep', 'inspect', 'read', 'remove'])
  const deps = { ...app.deps, db: wrap(app.deps.db, ['transaction']), fileStore: () => dying }
  return { deps, dead }
}

describe('a process that is killed', () => {
  test('at any step of a completion leaves a file that is ready with its bytes, or is completed again', async () => {
    const ann = await app.member()
    let died = 0
    for (let step = 0; ; step++) {
      const bytes = pdf(`killed at ${step}`)
      const file = await announce(ann, bytes)
      await send(ann, file, bytes)
      const row = await queries.find(app.deps.db, file.id)
      if (row === undefined) throw new Error('no row')
      const { deps, dead } = dyingAt(step)
      const parts = { queries, checkFile: fileJobs.checkFile }
      const end = await Promise.race([completeFile(deps, parts, row, purposes.document), dead])
      if (end !== 'dead') break
      died++
      const { state, object } = await rowOf(file.id)
      if (state === 'ready') expect(await store.inspect(object ?? '')).toEqual({ size: bytes.length })
      else expect(state).toBe('pending')
      expect((await complete(ann, file)).body).toMatchObject({ state: 'ready' })
      expect(await fetch(await linkOf(ann, file.id)).then((read) => read.bytes())).toEqual(bytes)
    }
    expect(died).toBe(10)
    growOld()
    await work(true)
    const known = (await app.deps.db.select().from(files)).map(({ object }) => object ?? '')
    expect((await namesIn()).toSorted()).toEqual(known.toSorted())
  })

  test('while it takes an upload leaves nothing that counts', async () => {
    const id = crypto.randomUUID()
    const code = `
      const { createDiskStore } = await import(${JSON.stringify(join(import.meta.dir, '../src/kit/files/disk-store.ts'))})
      async function* half() { yield new Uint8Array(500_000); console.log('half'); await new Promise(() => setInterval(() => {}, 1000)) }
      await createDiskStore(${JSON.stringify(folder)}).write({ id: '${id}', size: 1_000_000, type: '', sha256: '' }, half())`
    const child = Bun.spawn([process.execPath, '-e', code], { stdout: 'pipe' })
    for await (const said of child.stdout) if (new TextDecoder().decode(said).includes('half')) break
    child.kill('SIGKILL')
    await child.exited
    const drafts = () => [...new Bun.Glob('drafts/*').scanSync(folder)]
    expect([await namesIn(), drafts().length]).toEqual([[], 1])
    growOld()
    await work(true)
    expect(drafts()).toEqual([])
  })

  test('between the deletion of a row and that of its bytes leaves a job, which may run twice', async () => {
    const ann = await app.member()
    const file = await uploaded(ann, pdf('twice'))
    const { object } = await rowOf(file.id)
    expect((await ann.delete(`/api/files/${file.id}`)).status).toBe(200)
    expect(await namesIn()).toEqual([object ?? '']) // no worker runs
    await work(false)
    expect(await namesIn()).toEqual([])
    await app.deps.enqueue(fileJobs.deleteBytes, { files: [{ id: file.id, object }] })
    await work(false)
    expect((await app.deps.queueAdmin.stats()).dead).toBe(0)
  })
})

describe('a check', () => {
  test('decides before anybody reads it; what it refuses is deleted', async () => {
    const [ann, purpose] = [await app.member(), 'scanned']
    const through = async (bytes: Uint8Array) => {
      const reply = await ann.post('/api/scanned', announcement(bytes, { purpose }))
      await send(ann, reply.body, bytes)
      expect((await ann.post(`/api/scanned/${reply.body.id}/complete`)).body).toMatchObject({
        state: 'checking',
      })
      expect((await ann.get(`/api/scanned/${reply.body.id}/content`)).status).toBe(404)
      return reply.body.id as string
    }
    const [good, bad] = [await through(pdf('good')), await through(pdf('EICAR'))]
    await work(false)
    expect([(await rowOf(good)).state, (await rowOf(bad)).state]).toEqual(['ready', 'refused'])
    expect((await ann.get(`/api/scanned/${good}/content`)).status).toBe(302)
    expect((await ann.get(`/api/scanned/${bad}/content`)).status).toBe(404)
    expect(await namesIn()).toEqual([(await rowOf(good)).object ?? ''])
  })
})

describe('bytes that no row knows', () => {
  const lose = async (count: number) => {
    const body = () => Response.json('stray').body as never as AsyncIterable<Uint8Array>
    const made = Array.from({ length: count }, () => ({ id: crypto.randomUUID(), size: 7, type: '' }))
    for (const file of made) await keepStray(file, body())
  }

  test('as after the restore of an older database are kept for 30 days', async () => {
    const known = await uploaded(await app.member(), pdf('known'))
    await lose(2)
    growOld(29)
    await work(true)
    expect(await namesIn()).toHaveLength(3)
    growOld(31)
    await work(true)
    expect(await namesIn()).toEqual([(await rowOf(known.id)).object ?? ''])
  })

  test('are all kept where they are many beside the known ones: then it is the wrong database, or the wrong store', async () => {
    await lose(21)
    growOld(365)
    await work(true)
    expect(await namesIn()).toHaveLength(21)
  })

  test('go after a day where they are an upload that was not, or no more, awaited', async () => {
    const ann = await app.member()
    const file = await announce(ann, pdf('late'))
    await send(ann, file, pdf('late'))
    await app.deps.db.delete(files)
    growOld(0.9)
    await work(true)
    expect(await namesIn()).toEqual([`incoming/${file.id}`])
    growOld(1.1)
    await work(true)
    expect(await namesIn()).toEqual([])
  })
})

test('of a hundred uploads at once the next one is 503, and is taken once one has ended', async () => {
  const file = () => ({ id: crypto.randomUUID(), size: 7, type: '' })
  let end = () => {}
  const ended = new Promise<void>((resolve) => (end = resolve))
  async function* slow() {
    await ended
    yield new TextEncoder().encode('"stray"')
  }
  const crowded = createDiskStore(folder)
  const all = Array.from({ length: 100 }, () => crowded.write(file(), slow()))
  await expect(crowded.write(file(), slow())).rejects.toThrow('Too many')
  end()
  await Promise.all(all)
  expect(await crowded.write(file(), slow())).toBe(sha256(new TextEncoder().encode('"stray"')))
})

test('a full disk is a 507 that leaves nothing, and the same upload goes on once there is room', async () => {
  const disk = mountSmallDisk(2)
  if (disk === undefined) return // where nothing can be mounted
  const small = await startApp({ FILES_URL: pathToFileURL(join(disk.path, 'files')).href })
  try {
    const ann = await small.member()
    const bytes = pdf('x'.repeat(500_000))
    const file = await announce(ann, bytes)
    disk.fill()
    const reply = await send(ann, file, bytes)
    expect([reply.status, (await reply.json()) as { code: string }]).toMatchObject([
      507,
      { code: 'storage_full' },
    ])
    expect([...new Bun.Glob('**/drafts/*').scanSync(disk.path)]).toEqual([])
    disk.free()
    expect((await send(ann, file, bytes)).status).toBe(204)
    expect((await complete(ann, file)).body).toMatchObject({ state: 'ready' })
  } finally {
    await small.close()
    disk.remove()
  }
})

test('`npm run files -- check` finds files without bytes, and bytes without a file, and repairs both', async () => {
  const ann = await app.member()
  const [whole, broken] = [await uploaded(ann, pdf('whole')), await uploaded(ann, pdf('broken'))]
  const service = { databaseUrl: app.config.databaseUrl, redisPrefix: app.config.redisPrefix }
  const run = (...args: string[]) =>
    runCommand('files', ['check', ...args], service, { FILES_URL: pathToFileURL(folder).href })
  expect(await run()).toMatchObject({ code: 0, out: 'store and table agree\n' })
  await store.remove((await rowOf(broken.id)).object ?? '')
  const stray = crypto.randomUUID()
  const body = Response.json('stray').body as never as AsyncIterable<Uint8Array>
  const object = await keepStray({ id: stray, size: 7, type: '' }, body)
  const then = growOld()
  const found = await run()
  expect([found.code, found.out.split('\n').toSorted()]).toEqual([
    1,
    [
      '',
      `${broken.id} (letter.pdf) is ready, and its bytes are not there`,
      `${object}, of ${then.toISOString().slice(0, 10)}, belongs to no file`,
    ].toSorted(),
  ])
  expect((await run('--repair')).code).toBe(0)
  expect([(await rowOf(whole.id)).state, (await rowOf(broken.id)).state]).toEqual(['ready', 'lost'])
  expect(await namesIn()).toEqual([(await rowOf(whole.id)).object ?? ''])
  expect((await run()).code).toBe(0)
  expect((await app.deps.db.select().from(files).where(eq(files.id, broken.id)))[0]?.state).toBe('lost')
})
