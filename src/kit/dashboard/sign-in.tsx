// Answers who may not see the page: the sign-in form, a polite no for other roles, and errors as pages.
/** @jsxImportSource hono/jsx */
import type { Context } from 'hono'
import type { PropsWithChildren } from 'hono/jsx'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import type { z } from 'zod'
import { tag } from '../http/doc.ts'
import type { AppEnv } from '../http/env.ts'
import { type ErrorBody, wantsPage } from '../http/errors.ts'
import { middleware } from '../http/factory.ts'
import { HtmlPage } from '../http/html-page.tsx'
import { SignOut } from './parts.tsx'
import { STYLE } from './style.ts'
import { PATH } from './view.ts'

const FORBIDDEN = 403

/**
 * Shows a browser each error as a page: same status, same words. Other clients get the JSON that all routes answer.
 * @param least the role that operators have
 */
export const asPages = (least: string) =>
  tag(
    middleware(async (c, next) => {
      await next()
      if (c.error !== undefined && wantsPage(c)) c.res = await errorPage(c, least)
    }),
    { others: [FORBIDDEN] },
  )

async function errorPage(c: Context<AppEnv>, least: string): Promise<Response> {
  const { err } = (await c.res.json()) as z.output<typeof ErrorBody>
  const message = err.replace(/^\d+: /, '')
  const status = c.res.status as ContentfulStatusCode
  const session = c.get('session')
  const isSignIn = c.req.method === 'POST' && c.req.path.replace(/\/$/, '') === PATH
  const door = { service: c.get('config').name, isIn: session !== null }
  if (isSignIn || (session === null && status === 401)) {
    const error = c.req.method === 'POST' ? message : undefined
    return c.html(<SignInPage {...door} least={least} email={typedEmail(c)} error={error} />, status)
  }
  if (status === 401)
    return c.html(<WrongRolePage {...door} least={least} role={session?.role ?? ''} />, FORBIDDEN)
  return c.html(<ErrorPage {...door} message={message} />, status)
}

/** What the form brought, so that only the password is typed again. */
function typedEmail(c: Context): string {
  const form = c.req.valid('form' as never) as { email?: unknown } | undefined
  return typeof form?.email === 'string' ? form.email : ''
}

interface DoorProps {
  service: string
  /** Whoever has come is signed in, if with another role. */
  isIn: boolean
}

function Door({ service, isIn, heading, children }: PropsWithChildren<DoorProps & { heading: string }>) {
  return (
    <HtmlPage title={`${heading} - ${service} queue`} style={STYLE}>
      <main class="door">
        <p class="note">{service} queue</p>
        <h1>{heading}</h1>
        {children}
        {isIn && <SignOut view={{ page: 1, refresh: 'on' }} />}
      </main>
    </HtmlPage>
  )
}

interface SignInProps extends DoorProps {
  least: string
  email: string
  error: string | undefined
}

function SignInPage({ least, email, error, ...door }: SignInProps) {
  return (
    <Door {...door} heading="Sign in">
      <p>This page is for operators: accounts with the role {least}.</p>
      {error !== undefined && (
        <p class="notice bad" role="alert">
          {error}
        </p>
      )}
      <form method="post" action={PATH}>
        <label for="email">Email</label>
        <input
          id="email"
          autofocus={email === ''}
          name="email"
          type="email"
          autocomplete="username"
          maxlength={254}
          required
          value={email}
        />
        <label for="password">Password</label>
        <input
          id="password"
          autofocus={email !== ''}
          name="password"
          type="password"
          autocomplete="current-password"
          maxlength={200}
          required
        />
        <button>Sign in</button>
      </form>
    </Door>
  )
}

function WrongRolePage({ least, role, ...door }: DoorProps & { least: string; role: string }) {
  return (
    <Door {...door} heading="Not for this account">
      <p>
        You are signed in, and your account has the role {role}. This page takes the role {least}: ask
        somebody who runs the service, or sign in with another account.
      </p>
    </Door>
  )
}

function ErrorPage({ message, ...door }: DoorProps & { message: string }) {
  return (
    <Door {...door} heading="That did not work">
      <p>{message}</p>
      <p>
        <a href={PATH}>To the queue</a>
      </p>
    </Door>
  )
}
