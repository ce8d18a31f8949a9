// Names the paths of the account's pages, and where they lead on to.
import type { AnyContext } from '../../kit/http/env.ts'
import { nextOf } from '../../kit/pages/next.ts'

/** Where app.ts mounts them. */
export const PAGES = '/api/auth'

export const SIGN_IN = `${PAGES}/sign-in`
export const SIGN_UP = `${PAGES}/sign-up`
export const FORGOT = `${PAGES}/forgot`
export const ACCOUNT = `${PAGES}/account`
export const DELETE = `${PAGES}/delete`
/** A page of the module job-status, which may be removed. */
export const EXPORT = `${ACCOUNT}/data`
export const SESSIONS = `${ACCOUNT}/sessions`
/** A page of the second factors, which may be removed. */
export const FACTORS = `${ACCOUNT}/factors`
export const TOKENS = `${ACCOUNT}/tokens`
/** Takes the `id` of the account to act as. */
export const IMPERSONATE = `${PAGES}/impersonate`
/** The accounts of all, for superusers; one of them is below it by its id. */
export const USERS = `${PAGES}/users`
/** Where superusers invite people. Below USERS it would stand beside `:id`, and Hono's quick router takes no such pair. */
export const INVITE = `${PAGES}/invite`
/** Where the password is given again, for what needs a fresh login. */
export const CONFIRM = `${PAGES}/confirm`

/** Where a page leads whose form is done: to `next`, or to the account. */
export const goOn = (c: AnyContext): string => nextOf(c) ?? ACCOUNT

/** Where errors lead, of what browsers open. */
export const DOORS = {
  home: { path: ACCOUNT, label: 'Back to your account' },
  signIn: SIGN_IN,
  confirm: CONFIRM,
}
