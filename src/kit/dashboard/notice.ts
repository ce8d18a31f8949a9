// Keeps a notice of what was done for the next view of the page, which shows it once.
import type { Context } from 'hono'
import type { AnyContext, AppEnv } from '../http/env.ts'
import type { Session } from '../http/live-session.ts'
import { urlOf, type View } from './view.ts'

/** A key of the session, where nobody else can plant a text. */
const NOTICE = 'operators:notice'

/** Reads and deletes it. */
export async function takeNotice(session: Session): Promise<string | undefined> {
  const notice = await session.get<string>(NOTICE)
  if (notice !== undefined) session.delete(NOTICE)
  return notice
}

/** Redirects to the page as the operator saw it, with a notice of what was done. */
export function redirectWithNotice(context: AnyContext, view: View, notice: string, part?: string): Response {
  const c: Context<AppEnv> = context
  c.get('session')?.set(NOTICE, notice)
  return c.redirect(urlOf(view, part), 303)
}
