// Shows errors as pages, and leads whoever has to sign in to the page for that.
/** @jsxImportSource hono/jsx */
import type { Context } from 'hono'
import type { PropsWithChildren } from 'hono/jsx'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import type { z } from 'zod'
import { tag } from '../http/doc.ts'
import type { AppEnv } from '../http/env.ts'
import { type ErrorBody, UNAUTHORIZED, wantsPage } from '../http/errors.ts'
import { middleware } from '../http/factory.ts'
import { HtmlPage } from './html-page.tsx'
import { withNext } from './next.ts'

const FORBIDDEN = 403

interface Options {
  /** The page of the slice that others lead back to. */
  home: { path: string; label: string }
  /** The path of the page to sign in; undefined if there is none. */
  signIn: string | undefined
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
    { otherStatuses: [303, FORBIDDEN] },
  )

/** A form has shown the error already if it is HTML. */
const isJson = (response: Response) => response.headers.get('content-type')?.startsWith('application/json')

/** Whether the error is that nobody is signed in. */
export const leadsElsewhere = (c: Context<AppEnv>) =>
  c.res.status === UNAUTHORIZED && c.get('session') === null

/** The error of the response, its message without the status in front. */
export async function faultOf(c: Context) {
  const { err, issues } = (await c.res.json()) as z.output<typeof ErrorBody>
  return { message: err.replace(/^\d+: (Unauthorized! |Forbidden! )?/, ''), issues }
}

async function errorPage(c: Context<AppEnv>, { home, signIn }: Options): Promise<Response> {
  const { message } = await faultOf(c)
  const status = c.res.status as ContentfulStatusCode
  const door = signIn && withNext(signIn, whereTo(c, home.path))
  if (leadsElsewhere(c)) {
    if (door !== undefined) {
      c.res.headers.delete('content-type') // that of the error
      return c.redirect(door, 303)
    }
    return c.html(
      <Shell c={c} heading="Sign in first">
        This service has no page to sign in. Log in by its API in this browser, then open this page again.
      </Shell>,
      status,
    )
  }
  if (status === UNAUTHORIZED) {
    return c.html(
      <Shell c={c} heading="Not for this account">
        {`${message}. Your account has the role ${c.get('session')?.role}. `}
        {door !== undefined && <a href={door}>Sign in with another account</a>}
      </Shell>,
      FORBIDDEN,
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
