// The app with two providers by which one logs in, and people who do.
import { HTML, submit } from '../kit/support/forms.ts'
import type { Client, Reply } from '../kit/support/client.ts'
import { startWithMail } from './mailbox.ts'
import { type Person, SECRET, startProvider, type TestProvider } from './provider.ts'

const SITE = 'http://service.example'
/** Where the provider of a name sends browsers back to. */
export const callbackOf = (provider: string) => `/api/login/oidc/${provider}/callback`

/** `close` stops all. */
export async function startWithProviders(env: Record<string, string> = {}) {
  const names = ['acme', 'other'] as const
  const { APP_URL: site = SITE } = env
  const [acme, other] = await Promise.all(
    names.map((name) => startProvider([`${site}${callbackOf(name)}`, `${site}/oidc/${name}`])),
  )
  if (!acme || !other) throw new Error('no provider')
  const settings = {
    OIDC_PROVIDERS: names.join(),
    OIDC_ACME_ISSUER: acme.issuer,
    OIDC_ACME_CLIENT_ID: 'service',
    OIDC_ACME_CLIENT_SECRET: SECRET,
    OIDC_OTHER_ISSUER: other.issuer,
    OIDC_OTHER_CLIENT_ID: 'service',
    OIDC_OTHER_CLIENT_SECRET: SECRET,
  }
  const app = await startWithMail({ ...settings, ...env })
  let people = 0

  /** Who logs in where. */
  interface Where {
    at?: TestProvider
    name?: string
    /** Of the address with which it begins. */
    query?: string
  }

  const begin = async (
    client: Client,
    person: Person,
    { at = acme, name = 'acme', query = '' }: Where = {},
  ) => {
    at.logIn(person)
    return client.get(`/api/login/oidc/${name}${query}`, HTML)
  }

  return {
    ...app,
    acme,
    other,
    settings,
    /** Somebody whose mailbox a provider vouches for. */
    somebody(more: Partial<Person> = {}) {
      const sub = `person-${++people}`
      const email = `${sub}@example.com`
      return { sub, email, email_verified: true, given_name: 'Ann', family_name: 'Lee', ...more }
    },
    begin,
    /** To the provider, and back to the address that it returns. */
    async away(client: Client, person: Person, where: Where = {}): Promise<URL> {
      const begun = await begin(client, person, where)
      if (begun.status !== 303) throw new Error(`it does not begin: ${begun.status} ${begun.text}`)
      return (where.at ?? acme).browser()(begun.headers.get('location') ?? '')
    },
    /** The same, and what the service answers to whoever comes back. */
    async visit(client: Client, person: Person, where: Where = {}): Promise<Reply> {
      return comeBack(client, await this.away(client, person, where))
    },
    comeBack,
    /** Links a login to the account of a client, from its page. */
    async link(client: Client, person: Person, { at = acme, name = 'acme' }: Where = {}): Promise<Reply> {
      at.logIn(person)
      const begun = await submit(client, '/api/auth/account/identities/link', { id: name })
      const url = leadsTo(begun)
      return url === undefined ? begun : comeBack(client, await at.browser()(url))
    },
    mend() {
      acme.mend()
      other.mend()
    },
    async close() {
      await app.close()
      await acme.close()
      await other.close()
    },
  }
}
export type AppWithProviders = Awaited<ReturnType<typeof startWithProviders>>

/** As a browser that was sent back. */
const comeBack = (client: Client, { pathname, search }: URL) => client.get(pathname + search, HTML)

/** Where a page leads by itself. */
export const leadsTo = ({ headers }: Reply) => /^0; url=(.*)$/.exec(headers.get('refresh') ?? '')?.[1]

export const meOf = async (client: Client) => (await client.get('/api/me')).body?.me

/** No test waits for an hour. */
export async function waitAnHour({ deps }: Pick<AppWithProviders, 'deps'>, client: Client): Promise<void> {
  const ago = Date.now() - 3_600_000
  const then = await deps.sessions.rotate(client.cookies.get('session') ?? '', {
    loginAt: ago,
    provenAt: ago,
  })
  client.cookies.set('session', then?.token ?? '')
}

/** One provider, for who knows nothing of how it is spoken with. */
export const Elsewhere = {
  async start() {
    const acme = await startProvider([`${SITE}${callbackOf('acme')}`])
    return {
      settings: {
        OIDC_PROVIDERS: 'acme',
        OIDC_ACME_ISSUER: acme.issuer,
        OIDC_ACME_CLIENT_ID: 'service',
        OIDC_ACME_CLIENT_SECRET: SECRET,
      },
      /** Where each begins; and where it ends. */
      login: '/api/login/oidc/acme',
      link: '/api/me/identities/acme/link',
      confirm: '/api/reauthenticate/oidc/acme',
      callback: callbackOf('acme'),
      own: '/api/me/identities',
      way: 'oidc',
      /** Somebody logs in there; returns with what they come back. */
      async visit(url: string, person: Person): Promise<Record<string, string>> {
        acme.logIn(person)
        return Object.fromEntries((await acme.browser()(url)).searchParams)
      },
      close: acme.close,
    }
  },
}
