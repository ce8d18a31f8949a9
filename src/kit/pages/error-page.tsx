// Shows errors as pages, and leads whoever has to sign in to the page for that.
/** @jsxImportSource hono/jsx */
import type { Context } from 'hono'
import type { PropsWithChildren } from 'hono/jsx'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import type { z } from 'zod'
import { freshLoginRequired } from '../auth/fresh.ts'
import { tag } from '../http/doc.ts'
import type { AppEnv } from '../http/env.ts'
import { type ErrorBody, wantsPage } from '../http/errors.ts'
import { middleware } from '../http/factory.ts'
import { ApiError, forbidden, loginRequired } from '../types/api-error.ts'
import { HtmlPage } from './html-page.tsx'
import { withNext } from './next.ts'

interface Options {
  /** The page of the slice that others lead back to. */
  home: { path: string; label: string }
  /** The path of the page to sign in; undefined if there is none. */
  signIn: string | undefined
  /** The path of the page to give one's password again. */
  confirm?: string
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

async function errorPage(c: Context<AppEnv>, { home, signIn, confirm }: Options): Promise<Response> {
  const { message } = await faultOf(c)
  const status = c.res.status as ContentfulStatusCode
  const { code } = c.error as ApiError
  const here = whereTo(c, home.path)
  const door = code === freshLoginRequired.code ? confirm : signIn
  if (leadsElsewhere(c) && door !== undefined) {
    c.res.headers.delete('content-type') // that of the error
    return c.redirect(withNext(door, here), 303)
  }
  if (code === loginRequired.code) {
    return c.html(
      <Shell c={c} heading="Sign in first">
        This service has no page to sign in. Log in by its API in this browser, then open this page again.
      </Shell>,
      status,
    )
  }
  if (code === 'insufficient_role') {
    return c.html(
      <Shell c={c} heading="Not for this account">
        {`${message}. Your account has the role ${c.get('session')?.role}. `}
        {signIn !== undefined && <a href={withNext(signIn, here)}>Sign in with another account</a>}
      </Shell>,
      forbidden.status,
    )
  }
  return c.html(
    <Shell c={c} heading="That did not work">
      {`${message}. `}
      <a href={home.path}>{home.label}</a>
    </Shell>,
    status,
  )
}

function Shell({ c, heading, children }: PropsWithChildren<{ c: Context; heading: string }>) {
  return (
    <HtmlPage c={c} title={`${heading} - ${c.get('config').name}`}>
      <div class="shell">
        <h1>{heading}</h1>
        <p>{children}</p>
      </div>
    </HtmlPage>
  )
}

/** Where a page was opened, that page. Where a form was sent, its slice's: what was typed is gone. */
function whereTo(c: Context, home: string): string {
  if (c.req.method !== 'GET') return home
  const { pathname, search } = new URL(c.req.url)
  return pathname + search
}
