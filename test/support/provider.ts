// A provider of OpenID Connect on 127.0.0.1: the real `oidc-provider`, who logs in there as the test says, and whatever a faulty one does.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'

export interface Person {
  sub: string
  email?: string
  email_verified?: boolean | string
  name?: string
  given_name?: string
  family_name?: string
}

/** Of the package, which has no types. */
interface Provider {
  callback(): (req: IncomingMessage, res: ServerResponse) => Promise<void>
  interactionFinished(req: IncomingMessage, res: ServerResponse, result: object): Promise<void>
  Grant: new (of: object) => { addOIDCScope(scope: string): void; save(): Promise<string> }
  Client: { find(id: string): Promise<object> }
}
type Make = new (issuer: string, configuration: object) => Provider

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const
const base64url = (data: string | Uint8Array) => Buffer.from(data).toString('base64url')
type Claims = Record<string, unknown>

async function makeKey() {
  const pair = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const jwk = await crypto.subtle.exportKey('jwk', pair.privateKey)
  const kid = crypto.randomUUID()
  return { pair, kid, jwk: { ...jwk, key_ops: undefined, ext: undefined, alg: 'ES256', use: 'sig', kid } }
}
type Key = Awaited<ReturnType<typeof makeKey>>

async function sign(claims: Claims, { pair, kid }: Key): Promise<string> {
  const text = `${base64url(JSON.stringify({ alg: 'ES256', kid }))}.${base64url(JSON.stringify(claims))}`
  const signature = await crypto.subtle.sign(algorithm, pair.privateKey, Buffer.from(text))
  return `${text}.${base64url(new Uint8Array(signature))}`
}
const claimsIn = (token: string): Claims =>
  JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())

/** What it answers at a path instead: the body of the answer, changed. */
type Alter = (body: Claims) => Claims | Promise<Claims>

export const SECRET = 'the-secret-of-the-client'

/** @param redirects where it may send browsers. Call `close` in afterAll */
export async function startProvider(redirects: string[]) {
  const name: string = 'oidc-provider' // which the compiler is not to look for
  const { default: Provider } = (await silently(() => import(name))) as { default: Make }
  const altered = new Map<string, Alter>()
  const people = new Map<string, Person>()
  const issued: string[] = []
  let key = await makeKey()
  let provider: Provider
  let answer: ((req: IncomingMessage, res: ServerResponse) => unknown) | undefined
  let asked = 0

  const server = createServer((req, res) => {
    asked++
    void (answer ?? respond)(req, res)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`

  async function respond(req: IncomingMessage, res: ServerResponse) {
    const path = new URL(req.url ?? '', issuer).pathname
    if (path.startsWith('/interaction/'))
      return provider.interactionFinished(req, res, { login: { accountId: own.person.sub } })
    const end = res.end.bind(res) as (body?: unknown) => ServerResponse
    res.end = ((body?: unknown) => {
      if (!/json/.test(String(res.getHeader('content-type')))) return end(body)
      void (async () => {
        const given = JSON.parse(String(body)) as Claims
        issued.push(...[given.id_token, given.access_token].filter((one) => typeof one === 'string'))
        const text = JSON.stringify((await altered.get(path)?.(given)) ?? given)
        res.setHeader('content-length', Buffer.byteLength(text))
        end(text)
      })()
      return res
    }) as typeof res.end
    return provider.callback()(req, res)
  }

  async function build(options: object = {}) {
    provider = await silently(async () => {
      const made = new Provider(issuer, {
        clients: [
          {
            client_id: 'service',
            client_secret: SECRET,
            redirect_uris: redirects,
            id_token_signed_response_alg: 'ES256',
          },
        ],
        jwks: { keys: [key.jwk] },
        cookies: { keys: ['x'] },
        claims: {
          openid: ['sub', 'auth_time'],
          email: ['email', 'email_verified'],
          profile: ['name', 'given_name', 'family_name'],
        },
        conformIdTokenClaims: false,
        features: { devInteractions: { enabled: false } },
        ttl: {
          AccessToken: 60,
          IdToken: 60,
          Grant: 600,
          Session: 600,
          Interaction: 600,
          AuthorizationCode: 60,
        },
        interactions: { url: (_c: unknown, { uid }: { uid: string }) => `/interaction/${uid}` },
        findAccount: (_c: unknown, sub: string) => ({
          accountId: sub,
          claims: () => ({ ...(people.get(sub) ?? { sub }) }),
        }),
        // Nobody is asked what the service may know.
        async loadExistingGrant(c: {
          oidc: { client: { clientId: string }; session: { accountId: string } }
        }) {
          const { client, session } = c.oidc
          const grant = new provider.Grant({ clientId: client.clientId, accountId: session.accountId })
          grant.addOIDCScope('openid email profile')
          await grant.save()
          return grant
        },
        ...options,
      })
      return made
    })
  }
  await build()

  const own = {
    issuer,
    /** Who logs in next. */
    person: { sub: 'nobody' } as Person,
    /** Every token that it gave. */
    issued,
    asked: () => asked,
    /** Has somebody log in next, with these claims. */
    logIn(person: Person) {
      own.person = person
      people.set(person.sub, person)
    },
    /** Another browser at the provider, which remembers who has logged in: it goes where a service sends it, and returns with where it is sent back. */
    browser() {
      const jar = new Map<string, string>()
      return async (start: string): Promise<URL> => {
        for (let url = new URL(start); ;) {
          if (url.origin !== issuer) return url
          const cookie = [...jar].map(([k, v]) => `${k}=${v}`).join('; ')
          const response = await fetch(url, { redirect: 'manual', headers: { cookie } })
          for (const line of response.headers.getSetCookie()) {
            const [, k = '', v = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
            if (v === '') jar.delete(k)
            else jar.set(k, v)
          }
          const location = response.headers.get('location')
          if (location === null)
            throw new Error(`the provider says ${response.status}: ${await response.text()}`)
          url = new URL(location, url)
        }
      }
    },
    /** Changes what it answers as JSON at a path, until `mend`. */
    alter: (path: string, change: Alter) => void altered.set(path, change),
    /** Changes what its next tokens claim, signed by its key or another. */
    alterClaims: (change: (claims: Claims) => Claims, by?: Key) =>
      own.alter('/token', async (body) =>
        typeof body.id_token === 'string'
          ? { ...body, id_token: await sign(change(claimsIn(body.id_token)), by ?? key) }
          : body,
      ),
    makeKey,
    /** Answers itself instead of the provider. */
    answer: (instead: typeof answer) => void (answer = instead),
    mend() {
      altered.clear()
      answer = undefined
    },
    /** Another instance in its place, which knows nobody: with other keys, or other options. */
    async renew(options: object = {}) {
      key = await makeKey()
      await build(options)
    },
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
  return own
}
export type TestProvider = Awaited<ReturnType<typeof startProvider>>

/** It warns of what is fine in a test: keys and storage in memory, an odd runtime. */
async function silently<T>(work: () => Promise<T>): Promise<T> {
  const { info, warn } = console
  Object.assign(console, { info() {}, warn() {} })
  try {
    return await work()
  } finally {
    Object.assign(console, { info, warn })
  }
}
