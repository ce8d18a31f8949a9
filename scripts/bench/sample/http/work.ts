// The work that is measured: five requests, and what every contestant must answer to them.
import { OURS, type Running } from './contestants.ts'

export const EMAIL = 'bench@example.com'
export const PASSWORD = 'Bench-Passw0rd'

export interface Work {
  name: string
  method: 'GET' | 'POST'
  path: string
  body?: object
  /** As the client that is logged in. */
  session: boolean
  /** What this checkout is sent as Authorization, in place of the cookie; the other one gets the cookie. */
  bearer?: 'session' | 'accessToken'
  headers?: Record<string, string>
  /** It is sent with so many Idempotency-Keys in turn. */
  keys?: number
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

const ME = { method: 'GET', path: '/api/me', session: true } as const

/** What another kind of credential costs beside the cookie. */
export const BEARERS: Work[] = [
  { ...ME, name: 'me, bearer session', bearer: 'session' },
  { ...ME, name: 'me, access token', bearer: 'accessToken' },
]

/** A session, and a personal access token of the same account. */
export interface Credentials {
  session: string
  accessToken: string
}

export function headersOf(
  { session, bearer, body, headers }: Work,
  { contestant }: Running,
  known: Credentials,
): Record<string, string> {
  const isBearer = bearer !== undefined && contestant.name === OURS
  const credential: Record<string, string> = isBearer
    ? { Authorization: `Bearer ${known[bearer]}` }
    : { Cookie: `session=${known.session}` }
  return {
    ...(session ? credential : {}),
    ...(body ? { 'Content-Type': 'application/json' } : {}),
    ...headers,
  }
}

/**
 * The id and times of what was created aside, all must answer what the first one does. Fields more are allowed: this checkout
 * may be newer than the first.
 * @throws if one does not
 */
export async function compareAnswers(all: Running[], known: Credentials): Promise<void> {
  for (const work of [...WORKS, ...BEARERS]) {
    const answers = await Promise.all(
      all.map(async (running) => {
        const reply = await fetch(running.url + work.path, {
          method: work.method,
          headers: headersOf(work, running, known),
          body: work.body ? JSON.stringify(work.body) : null,
        })
        const text = await reply.text()
        return { status: reply.status, body: JSON.parse(work.name === 'create' ? withoutChance(text) : text) }
      }),
    )
    const [first] = answers
    const odd = answers.findIndex((answer) => !Bun.deepMatch(first, answer))
    if (odd >= 0) {
      const shown = (i: number) =>
        `${all[i]?.contestant.name} answers\n  ${JSON.stringify(answers[i]).slice(0, 500)}`
      throw new Error(`${work.method} ${work.path}: ${shown(odd)}\nand ${shown(0)}`)
    }
  }
}

const withoutChance = (answer: string) =>
  answer
    .replace(/"id":"\d+"/, '"id":"0"')
    .replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g, '0000-00-00T00:00:00.000Z')
