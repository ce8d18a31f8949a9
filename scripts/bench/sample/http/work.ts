// The work that is measured: five requests, and what every contestant must answer to them.
import type { Running } from './contestants.ts'

export const EMAIL = 'bench@example.com'
export const PASSWORD = 'Bench-Passw0rd'

export interface Work {
  name: string
  method: 'GET' | 'POST'
  path: string
  body?: object
  /** As the client that is logged in. */
  session: boolean
}

export const WORKS: Work[] = [
  { name: 'hello', method: 'GET', path: '/health', session: false },
  { name: 'me', method: 'GET', path: '/api/me', session: true },
  { name: 'list', method: 'GET', path: '/api/movies/?limit=20', session: true },
  {
    name: 'create',
    method: 'POST',
    path: '/api/movies/',
    body: { title: 'The Third Man', director: 'Carol Reed' },
    session: true,
  },
  {
    name: 'login',
    method: 'POST',
    path: '/api/login',
    body: { email: EMAIL, password: PASSWORD },
    session: false,
  },
]

export function headersOf(work: Work, cookie: string): Record<string, string> {
  return {
    ...(work.session ? { Cookie: cookie } : {}),
    ...(work.body ? { 'Content-Type': 'application/json' } : {}),
  }
}

/** @throws if a contestant answers anything else than the first one does, but for the id and times of what it created */
export async function compareAnswers(all: Running[], cookie: string): Promise<void> {
  for (const work of WORKS) {
    const answers = await Promise.all(
      all.map(async ({ url }) => {
        const reply = await fetch(url + work.path, {
          method: work.method,
          headers: headersOf(work, cookie),
          body: work.body ? JSON.stringify(work.body) : null,
        })
        const text = inOneOrder(await reply.text())
        return `${reply.status} ${work.name === 'create' ? withoutChance(text) : text}`
      }),
    )
    const odd = answers.findIndex((answer) => answer !== answers[0])
    if (odd >= 0) {
      throw new Error(
        `${work.method} ${work.path}: ${all[odd]?.contestant.name} answers\n  ${answers[odd]?.slice(0, 500)}\nand ${all[0]?.contestant.name}\n  ${answers[0]?.slice(0, 500)}`,
      )
    }
  }
}

const withoutChance = (answer: string) =>
  answer
    .replace(/"id":"\d+"/, '"id":"0"')
    .replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g, '0000-00-00T00:00:00.000Z')

/** The same JSON, keys sorted: their order is no part of an answer, and changes with the code that is compared. */
const inOneOrder = (answer: string) =>
  JSON.stringify(JSON.parse(answer), (_key, value: unknown) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  )
