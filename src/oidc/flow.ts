// Leads a browser to a provider, and acts when it comes back: logs in, links, or shows that it is the owner.
import type { AppContext, LoggedInContext } from '../account/product.ts'
import { findUser, type User } from '../account/queries.ts'
import { roles } from '../account/roles.ts'
import type { Config } from '../config.ts'
import { assertFresh } from '../kit/auth/guards.ts'
import { randomHex } from '../kit/auth/token-text.ts'
import { accountDisabled } from '../kit/http/session.ts'
import { type Flow, type Oidc, providerRefused, stateOf } from '../kit/oidc/provider.ts'
import { tabCookies } from '../kit/pages/page-cookie.ts'
import { loginRequired } from '../kit/types/api-error.ts'
import { linkIdentity } from './identities.ts'
import { confirmByProvider, logInByProvider } from './log-in.ts'

/** Seconds in which one has to come back. */
const FLOW_S = 10 * 60

/** What a flow is for: kept under its state, which only the browser that began it can give with the secret that belongs to it. */
export type Due = {
  aim: 'login' | 'link' | 'confirm'
  provider: string
  remember?: boolean
  next?: string | undefined
}
type Kept = Due & { userId: string | null }

const keyOf = (state: string) => `oidc:${state}`

/** Where the provider sends browsers: by APP_URL, as links of mails, never by what a request says of its host. */
const flowOf = ({ appUrl, authPages }: Config, { provider, aim }: Due, secret: string): Flow => ({
  secret,
  redirectUri: authPages ? `${appUrl}/api/login/oidc/${provider}/callback` : `${appUrl}/oidc/${provider}`,
  isFresh: aim === 'confirm',
})

/** The address to go to, and the secret to come back with. @throws providerUnavailable */
export async function begin(c: AppContext, oidc: Oidc, due: Due): Promise<{ url: string; secret: string }> {
  const kept: Kept = { ...due, userId: c.var.session?.userId ?? null }
  const secret = randomHex(32)
  const url = await oidc.begin(due.provider, flowOf(c.var.config, due, secret))
  await c.var.store.set(keyOf(await stateOf(secret)), kept, FLOW_S)
  return { url, secret }
}

export interface ComeBack {
  provider: string
  secret?: string | undefined
  /** The query with which the browser came back. */
  authorization: Record<string, string>
  token?: boolean | undefined
}

/**
 * Does what the flow is for, once, in the session in which it was begun.
 * @throws providerRefused, providerUnavailable, loginRequired, and what each aim does
 */
export async function finish(
  c: AppContext,
  oidc: Oidc,
  { provider, secret = '', authorization, token }: ComeBack,
): Promise<{ user: User; due: Due }> {
  const { config, db, session, store } = c.var
  const state = await stateOf(secret)
  const due = state === authorization.state ? await store.get<Kept>(keyOf(state)) : undefined
  if (due?.provider !== provider) throw providerRefused()
  c.set('next', due.next) // for what leads elsewhere first
  const { aim, remember = true } = due
  if (aim !== 'login' && session === null) throw loginRequired()
  if (aim !== 'login' && session?.userId !== due.userId) throw providerRefused()
  if (aim === 'link') assertFresh(c)
  const claimed = await oidc.finish(provider, flowOf(config, due, secret), authorization)
  if ((await store.delete(keyOf(state))) === 0) throw providerRefused()
  if (aim === 'login') return { user: await logInByProvider(c, provider, claimed, { remember, token }), due }
  const user = await findUser(db, due.userId ?? '')
  if (user === undefined || roles.isBarred(user.role)) throw accountDisabled()
  const own = c as LoggedInContext
  await (aim === 'link' ? linkIdentity(own, user, provider, claimed) : confirmByProvider(own, claimed))
  return { user, due }
}

/** Holds the secret of the tab, by the beginning of its state: so that several can be under way. No sibling domain can set it. */
const cookies = tabCookies('oidc', FLOW_S)
const nameOf = (state = '') => state.slice(0, 16)

/** As `begin`, for a browser, which keeps the secret in a cookie. */
export async function beginInBrowser(c: AppContext, oidc: Oidc, due: Due): Promise<string> {
  const { url, secret } = await begin(c, oidc, due)
  cookies.set(c, nameOf(await stateOf(secret)), secret)
  return url
}

export async function finishInBrowser(c: AppContext, oidc: Oidc, provider: string): Promise<Due> {
  const authorization = c.req.query()
  const name = nameOf(authorization.state)
  const { due } = await finish(c, oidc, { provider, secret: cookies.get(c, name), authorization })
  cookies.delete(c, name)
  return due
}
