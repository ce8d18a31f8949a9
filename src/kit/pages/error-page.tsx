// Shows errors as pages, and leads whoever has to sign in to the page for that.
/** @jsxImportSource hono/jsx */
import type { Context } from 'hono'
import type { Child } from 'hono/jsx'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import type { z } from 'zod'
import { freshLoginRequired } from '../auth/guards.ts'
import { tag } from '../http/doc.ts'
import type { AppEnv } from '../http/env.ts'
import { type ErrorBody, wantsPage } from '../http/errors.ts'
import { middleware } from '../http/factory.ts'
import type { Session } from '../http/live-session.ts'
import { ApiError, forbidden, loginRequired } from '../types/api-error.ts'
import { safeNext, withNext } from './next.ts'
import { ShellPage } from './shell-page.tsx'

interface Options {
  /** The page of the slice that others lead back to. */
  home: { path: string; label: string }
  /** The path of the page to sign in; undefined if there is none. */
  signIn: string | undefined
  /** The path of the page to give one's password again. */
  confirm?: string
  /** What somebody of too low a role is told beside that: how to get a higher one. */
  lacking?: string
}

/**
 * For a slice of pages: shows a browser each error as a page with the same status and message. Who has to sign in is sent
 * there, and comes back. Other clients get the usual JSON.
 */
export const errorsAsPages = (options: Options) =>
  tag(
    middleware(async (c, next) => {
      await next()
      if (c.error !== undefined && wantsPage(c) && isJson(c.res)) c.res = await errorPage(c, options)
    }),
    { otherStatuses: [303], errors: [forbidden] },
  )

/** A form has shown the error already if it is HTML. */
const isJson = (response: Response) => response.headers.get('content-type')?.startsWith('application/json')

/** Whether the error leads to another page: to sign in, or to give one's password again. */
export const leadsElsewhere = (c: Context<AppEnv>) =>
  c.error instanceof ApiError && [loginRequired.code, freshLoginRequired.code].includes(c.error.code)

/** The error of the response, its message without the status in front. */
export async function faultOf(c: Context) {
  const { err, issues } = (await c.res.json()) as z.output<typeof ErrorBody>
  return { message: err.replace(/^\d+: (Unauthorized! |Forbidden! )?/, ''), issues }
}

async function errorPage(c: Context<AppEnv>, { home, signIn, confirm, lacking }: Options): Promise<Response> {
  const { message } = await faultOf(c)
  const status = c.res.status as ContentfulStatusCode
  const { code } = c.error as ApiError
  const session: Session | null | undefined = c.get('session') // undefined where the error came first
  const isActing = session?.impersonator !== undefined
  const here = whereTo(c, home.path)
  const door = code === freshLoginRequired.code ? confirm : signIn
  if (leadsElsewhere(c) && door !== undefined) {
    c.res.headers.delete('content-type') // that of the error
    return c.redirect(withNext(door, here), 303)
  }
  const page = (title: string, text: Child, as = status) =>
    c.html(
      <ShellPage c={c} title={title}>
        <p>{text}</p>
      </ShellPage>,
      as,
    )
  if (code === loginRequired.code) return page('Sign in first', NO_DOOR)
  if (code === 'insufficient_role') {
    const text = `${message}. Your account has the role ${session?.role}. `
    const link = signIn !== undefined && !isActing && (
      <a href={withNext(signIn, here)}>Sign in with another account</a>
    )
    return page('Not for this account', [text, lacking && `${lacking}. `, link], forbidden.status)
  }
  const way =
    !session && signIn !== undefined ? <a href={signIn}>Sign in</a> : <a href={home.path}>{home.label}</a>
  // Where nothing more is to be said, a program is told the path that it asked for.
  const missing = message.startsWith('/') ? 'There is no such page, or it is gone' : message
  if (status === 404) return page('Not found', [`${missing}. `, way])
  // The header leads back from an impersonation.
  return page('That did not work', [`${message}. `, !isActing && way])
}

const NO_DOOR =
  'This service has no page to sign in. Log in by its API in this browser, then open this page again.'

/** The page that was opened, or that sent the form. */
function whereTo(c: Context, home: string): string {
  const address = c.req.method === 'GET' ? c.req.url : c.req.header('referer')
  if (address === undefined || !URL.canParse(address)) return home
  const { pathname, search } = new URL(address)
  return safeNext(c.get('config'), pathname + search) ?? home
}
