// Pages of a list: a client that follows the Link headers sees every row once, whatever stands between it and us.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import * as fc from 'fast-check'
import { ilike, inArray, sql } from 'drizzle-orm'
import { notes } from '../product/table.ts'
import type { Reply } from '../support/client.ts'
import { startApp, type TestApp } from '../support/harness.ts'

let app: TestApp
let boss: Awaited<ReturnType<TestApp['member']>>
beforeAll(async () => {
  app = await startApp()
  boss = await app.member('owner')
})
afterAll(() => app.close())

type Links = Partial<Record<'next' | 'prev' | 'first', string>>

/** Where the links of an answer lead, as a client resolves them: against the URL that it has asked for. */
function linksOf(reply: Reply, asked: string): Links {
  const header = reply.headers.get('link') ?? ''
  return Object.fromEntries(
    [...header.matchAll(/<([^>]*)>; rel="(\w+)"/g)].map(([, target = '', rel = '']) => {
      const { pathname, search } = new URL(target, app.url + asked)
      return [rel, pathname + search]
    }),
  )
}

const idsOf = (reply: Reply): number[] => reply.body.map((row: { id: number }) => row.id)

let serial = 0
/** Notes that share a word which no other has. */
async function addNotes(count: number): Promise<string> {
  const word = `paged${++serial}.`
  const row = (n: number) => ({ text: `${word}${n}`, writer: boss.user.id })
  if (count > 0) await app.deps.db.insert(notes).values(Array.from({ length: count }, (_, n) => row(n)))
  return word
}

test('following next visits every row exactly once, and prev leads back the same way', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 0, max: 23 }), fc.integer({ min: 1, max: 9 }), async (count, size) => {
      const word = await addNotes(count)
      const all = await app.deps.db
        .select()
        .from(notes)
        .where(ilike(notes.text, `${word}%`))

      const forth: number[][] = []
      let at: string | undefined = `/club/notes?limit=${size}&search=${word}`
      let last = at
      while (at !== undefined) {
        const reply = await boss.get(at)
        expect(reply.status).toBe(200)
        forth.push(idsOf(reply))
        last = at
        at = linksOf(reply, at).next
      }
      expect(forth).toHaveLength(Math.max(1, Math.ceil(count / size)))
      expect(forth.flat().toSorted()).toEqual(all.map(({ id }) => id).toSorted())

      const back: number[][] = []
      for (at = last; at !== undefined;) {
        const reply: Reply = await boss.get(at)
        back.push(idsOf(reply))
        at = linksOf(reply, at).prev
      }
      expect(back.toReversed()).toEqual(forth)
    }),
    { numRuns: 25 },
  )
})

test('a page that holds all has no Link, the last has no next, and the body is as it always was', async () => {
  const word = await addNotes(4)
  const whole = await boss.get(`/club/notes?limit=4&search=${word}`)
  expect([whole.body.length, whole.headers.get('link')]).toEqual([4, null])
  const last = await boss.get(`/club/notes?limit=2&page=2&search=${word}`)
  expect(idsOf(last)).toEqual(idsOf(whole).slice(2))
  expect(Object.keys(linksOf(last, '/')).toSorted()).toEqual(['first', 'prev'])
  expect((await boss.get(`/club/notes?page=9&search=${word}`)).body).toEqual([])
})

test('the links keep the other parameters, whatever is in them', async () => {
  await addNotes(2)
  const odd = 'a b+c&d=e>; rel="x"\r\né%'
  const asked = `/club/notes/?limit=1&search=&odd=${encodeURIComponent(odd)}&page=0&twice=1?&twice=2`
  const next = new URL(app.url + linksOf(await boss.get(asked), asked).next)
  expect(next.pathname).toBe('/club/notes/')
  expect(next.searchParams.get('cursor')).not.toBeNull()
  next.searchParams.delete('cursor')
  expect([...next.searchParams]).toEqual([
    ['limit', '1'],
    ['search', ''],
    ['odd', odd],
    ['page', '2'],
    ['twice', '1?'],
    ['twice', '2'],
  ])
})

test('a link holds no scheme, host or path: it is right behind a proxy that changes any of them', async () => {
  await addNotes(2)
  const forwarded = { 'X-Forwarded-Host': 'evil.example', 'X-Forwarded-Proto': 'https' }
  const reply = await boss.get('/club/notes?limit=1', forwarded)
  expect(reply.headers.get('link')).toMatch(/^<\?limit=1&page=2&cursor=[\w-]+>; rel="next"$/)
  const asked = 'https://shop.example/v2/backend/users?limit=1'
  expect(new URL('?limit=1&page=2', asked).href).toBe('https://shop.example/v2/backend/users?limit=1&page=2')
})

test('HEAD has the links of the GET', async () => {
  await addNotes(2)
  const head = await boss.send('HEAD', '/club/notes?limit=1')
  expect(head.headers.get('link')).toBe((await boss.get('/club/notes?limit=1')).headers.get('link'))
})

/** Visits every page by its cursors alone; `between` runs after each with what has been seen. */
async function follow(start: string, between: (seen: number[]) => Promise<void>): Promise<number[]> {
  const seen: number[] = []
  let at: string | undefined = start
  while (at !== undefined) {
    const reply: Reply = await boss.get(at)
    expect([at, reply.status]).toEqual([at, 200])
    seen.push(...idsOf(reply))
    await between(seen)
    at = linksOf(reply, at).next?.replace(/&page=\d+/, '')
  }
  return seen
}

test('by cursor no row is skipped or seen twice, whatever is added and deleted meanwhile', async () => {
  const { db } = app.deps
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.nat(12), { maxLength: 25 }),
      fc.integer({ min: 1, max: 5 }),
      fc.infiniteStream(fc.nat(99)),
      async (microseconds, size, dice) => {
        const word = `cursor${++serial}.`
        // Many within a millisecond, and some at the same moment.
        const add = (n: number | string, moment: string) =>
          db.insert(notes).values({
            text: `${word}${n}`,
            writer: boss.user.id,
            written: sql`${moment}::timestamptz`,
          })
        for (const [n, at] of microseconds.entries())
          await add(n, `2026-01-02T03:04:05.0010${String(at).padStart(2, '0')}Z`)
        const list = () =>
          db
            .select({ id: notes.id })
            .from(notes)
            .where(ilike(notes.text, `${word}%`))
            .orderBy(sql`written desc, id desc`)
        const before = (await list()).map(({ id }) => id)
        const roll = () => dice.next().value ?? 0

        const seen = await follow(`/club/notes?limit=${size}&search=${word}`, async (sofar) => {
          await add(`new${roll()}${crypto.randomUUID()}`, '2026-02-01T00:00:00Z')
          const gone = [sofar.at(-1), sofar[0], before[roll()]].filter((id) => id !== undefined)
          if (roll() % 3 === 0) await db.delete(notes).where(inArray(notes.id, gone))
        })
        expect(new Set(seen).size).toBe(seen.length)
        const left = new Set((await list()).map(({ id }) => id))
        const stayed = before.filter((id) => left.has(id))
        expect(seen.filter((id) => stayed.includes(id))).toEqual(stayed)
      },
    ),
    { numRuns: 25 },
  )
})

test('a page past row 100,000 is refused with the way on, and a cursor goes there', async () => {
  for (const query of ['page=101', 'limit=20&page=5001', 'page=2147483647&search=x']) {
    const { status, body } = await boss.get(`/club/notes?${query}`)
    expect([status, body.err]).toEqual([400, expect.stringMatching(/^400: page: .*100000 rows.* cursor/)])
    expect(body.issues[0].path).toBe('page')
  }
  expect((await boss.get('/club/notes?limit=1&page=100000')).body).toEqual([])
  const asked = `/club/notes?limit=1&search=${await addNotes(3)}`
  const { next = '' } = linksOf(await boss.get(asked), asked)
  // The number beside a cursor only counts: a server that knows no cursor goes by it.
  const deep = next.replace('page=2', 'page=200002')
  const reply = await boss.get(deep)
  expect(reply.body).toEqual((await boss.get(next)).body)
  expect(Object.keys(linksOf(reply, deep)).toSorted()).toEqual(['first', 'next', 'prev'])
})

const cursorFor = (key: unknown) => btoa(JSON.stringify(key)).replaceAll('=', '')
const ANY = '7'

test.each([
  'x',
  '%00',
  'a'.repeat(201),
  cursorFor('1'),
  cursorFor({ length: 2 }),
  cursorFor(['2026-02-30T03:04:05.000000Z', ANY]),
  cursorFor(['0000-01-02T03:04:05.000000Z', ANY]),
  cursorFor(['infinity', ANY]),
  cursorFor(['2026-01-02T03:04:05.000000Z', 'none']),
])('a cursor that is none is refused: %s', async (cursor) => {
  const { status, body } = await boss.get(`/club/notes?cursor=${cursor}`)
  expect([status, body.issues[0].path]).toEqual([400, 'cursor'])
})

test('an empty cursor is none, and what a cursor is made of is in no answer', async () => {
  const word = await addNotes(1)
  const { status, body } = await boss.get(`/club/notes?cursor=&limit=1&search=${word}`)
  expect([status, Object.keys(body[0]).toSorted()]).toEqual([
    200,
    ['id', 'text', 'version', 'writer', 'written'],
  ])
})
