// Keeps what was done for the page that follows, which says it once.
import { deleteCookie, getCookie, setCookie } from 'hono/cookie'
import type { AnyContext } from '../http/env.ts'

/** Holds an id of a notice, not its text: nobody else can plant one. */
const COOKIE = 'notice'
const KEPT_S = 60

const keyOf = (id: string) => `notice:${id}`

const optionsOf = (c: AnyContext) =>
  ({ path: '/', httpOnly: true, secure: c.get('config').cookie.secure, sameSite: 'lax' }) as const

/** Leaves a notice, of plain text, to this browser's next page that takes one, within a minute. */
export async function leaveNotice(c: AnyContext, text: string): Promise<void> {
  const id = crypto.randomUUID()
  await c.get('store').set(keyOf(id), text, KEPT_S)
  setCookie(c, COOKIE, id, { ...optionsOf(c), maxAge: KEPT_S })
}

/** Reads the notice that was left and deletes it. */
export async function takeNotice(c: AnyContext): Promise<string | undefined> {
  const id = getCookie(c, COOKIE)
  if (id === undefined) return undefined
  deleteCookie(c, COOKIE, optionsOf(c))
  if (!/^[\da-f-]{36}$/.test(id)) return undefined
  const text: string | undefined = await c.get('store').get(keyOf(id))
  await c.get('store').delete(keyOf(id))
  return text
}
