// Leads a browser to a provider, and acts when it comes back: logs in, links, or shows that it is the owner.
import type { AppContext, LoggedInContext } from '../account/product.ts'
import { findUser, type User } from '../account/queries.ts'
import type { Config } from '../config.ts'
import { assertFresh } from '../kit/auth/guards.ts'
import { randomHex } from '../kit/auth/token-text.ts'
import { type Flow, type Oidc, providerRefused, stateOf } from '../kit/oidc/provider.ts'
import { tabCookies } from '../kit/pages/page-cookie.ts'
import { loginRequired } from '../kit/types/api-error.ts'
import { linkIdentity } from './identities.ts'
import { confirmByProvider, logInByProvider } from './log-in.ts'

/** Seconds in which one has to come back. */
const FLOW_S = 10 * 60

export const AIMS = ['login', 'link', 'confirm'] as const
type Aim = (typeof AIMS)[number]

/** What a flow is for: kept under its state, which only the browser that began it can give with the secret that belongs to it. */
export type Due = { aim: Aim; provider: string; remember: boolean; next?: string | undefined }
type Kept = Due & { userId: string | null }

const keyOf = (state: string) => `oidc:${state}`

/** Where the provider sends browsers: by APP_URL, as links of mails, never by what a request says of its host. */
const flowOf = ({ appUrl, authPages }: Config, { provider, aim }: Due, secret: string): Flow => ({
  secret,
  redirectUri: authPages ? `${appUrl}/api/login/oidc/${provider}/callback` : `${appUrl}/oidc/${provider}`,
  isFresh: aim === 'confirm',
})

/** Whose session it is: of a visitor nobody's. @throws what bars a session from what the flow is for */
function assertMay(c: AppContext, aim: Aim): string | null {
  const userId = c.var.session?.userId ?? null
  if (aim !== 'login' && userId === null) throw loginRequired()
  if (aim === 'link') assertFresh(c)
  return userId
}

/** The address to go to, and the secret to come back with. @throws providerUnavailable, loginRequired, freshLoginRequired */
export async function begin(c: AppContext, oidc: Oidc, due: Due): Promise<{ url: string; secret: string }> {
  const kept: Kept = { ...due, userId: assertMay(c, due.aim) }
  const secret = randomHex(32)
  const url = await oidc.begin(due.provider, flowOf(c.var.config, due, secret))
  await c.var.store.set(keyOf(await stateOf(secret)), kept, FLOW_S)
  return { url, secret }
}

export interface ComeBack {
  provider: string
  secret: string | undefined
  /** The query with which the browser came back. */
  authorization: Record<string, string>
  token?: boolean | undefined
}

/** Does what the flow is for, once. @throws providerRefused, providerUnavailable, and what each aim does */
export async function finish(
  c: AppContext,
  oidc: Oidc,
  { provider, secret, authorization, token }: ComeBack,
): Promise<{ user: User; due: Due }> {
  const { db, store } = c.var
  const state = secret && (await stateOf(secret))
  const due = state && state === authorization.state ? await store.get<Kept>(keyOf(state)) : undefined
  if (!state || !secret || due?.provider !== provider) throw providerRefused()
  c.set('next', due.next) // for what leads elsewhere first
  const userId = assertMay(c, due.aim)
  if (due.aim !== 'login' && due.userId !== userId) throw providerRefused()
  const claimed = await oidc.finish(provider, flowOf(c.var.config, due, secret), authorization)
  if ((await store.delete(keyOf(state))) === 0) throw providerRefused()
  if (due.aim === 'login')
    return { user: await logInByProvider(c, provider, claimed, { remember: due.remember, token }), due }
  const own = c as LoggedInContext
  await (due.aim === 'link' ? linkIdentity(own, provider, claimed) : confirmByProvider(own, claimed))
  const user = await findUser(db, own.var.session.userId)
  if (user === undefined) throw loginRequired()
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
