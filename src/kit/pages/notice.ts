// Keeps what was done for the page that follows, which says it once.
import { randomHex } from '../auth/token-text.ts'
import type { AnyContext } from '../http/env.ts'
import { pageCookie } from './page-cookie.ts'

const KEPT_S = 60
/** Holds an id of a notice, not its text: nobody else can plant one. */
const cookie = pageCookie('notice', KEPT_S)

const keyOf = (id: string) => `notice:${id}`

/** Leaves a notice, of plain text, to this browser's next page that takes one, within a minute. */
export async function leaveNotice(c: AnyContext, text: string): Promise<void> {
  const id = randomHex(16)
  await c.get('store').set(keyOf(id), text, KEPT_S)
  cookie.set(c, id)
}

/** Reads the notice that was left and deletes it. */
export async function takeNotice(c: AnyContext): Promise<string | undefined> {
  const id = cookie.get(c)
  if (id === undefined) return undefined
  cookie.delete(c)
  if (!/^[0-9a-f]{32}$/.test(id)) return undefined
  const text: string | undefined = await c.get('store').get(keyOf(id))
  await c.get('store').delete(keyOf(id))
  return text
}
