// What the next view of the page says once: what was done.
import type { Context } from 'hono'
import type { AnyContext, AppEnv } from '../http/env.ts'
import type { Session } from '../http/live-session.ts'
import { urlOf, type View } from './view.ts'

/** The session's key: nobody else can put words there. */
const NOTICE = 'operators:notice'

/** Reads it, and forgets it. */
export async function takeNotice(session: Session): Promise<string | undefined> {
  const notice = await session.get<string>(NOTICE)
  if (notice !== undefined) session.delete(NOTICE)
  return notice
}

/** To the page as the operator saw it, with a word on what was done. */
export function back(context: AnyContext, view: View, notice: string, part?: string): Response {
  const c: Context<AppEnv> = context
  c.get('session')?.set(NOTICE, notice)
  return c.redirect(urlOf(view, part), 303)
}
