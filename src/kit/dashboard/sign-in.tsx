// Shows what others than operators get: the form to sign in, a refusal of other roles, and errors as pages.
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
import { forbidden } from '../types/api-error.ts'
import { SignOut } from './parts.tsx'
import { DASHBOARD_STYLE } from './style.ts'
import { PATH } from './view.ts'

/**
 * Shows a browser each error as a page with the same status and message. Other clients get the usual JSON.
 * @param role the role that operators have
 */
export const errorsAsPages = (role: string) =>
  tag(
    middleware(async (c, next) => {
      await next()
      if (c.error !== undefined && wantsPage(c)) c.res = await errorPage(c, role)
    }),
    { errors: [forbidden] },
  )

async function errorPage(c: Context<AppEnv>, role: string): Promise<Response> {
  const { err } = (await c.res.json()) as z.output<typeof ErrorBody>
  const message = err.replace(/^\d+: /, '')
  const status = c.res.status as ContentfulStatusCode
  const session = c.get('session')
  const isSignIn = c.req.method === 'POST' && c.req.path.replace(/\/$/, '') === PATH
  const shell = { service: c.get('config').name, isSignedIn: session !== null }
  if (isSignIn || (session === null && status === 401)) {
    const error = c.req.method === 'POST' ? message : undefined
    return c.html(<SignInPage {...shell} role={role} email={typedEmail(c)} error={error} />, status)
  }
  if (status === 401)
    return c.html(<WrongRolePage {...shell} role={role} actual={session?.role ?? ''} />, forbidden.status)
  return c.html(<ErrorPage {...shell} message={message} />, status)
}

/** The email from the form, so that only the password must be typed again. */
function typedEmail(c: Context): string {
  const form = c.req.valid('form' as never) as { email?: unknown } | undefined
  return typeof form?.email === 'string' ? form.email : ''
}

interface ShellProps {
  service: string
  /** True even with a role that is too low. */
  isSignedIn: boolean
}

function Shell({
  service,
  isSignedIn,
  heading,
  children,
}: PropsWithChildren<ShellProps & { heading: string }>) {
  return (
    <HtmlPage title={`${heading} - ${service} queue`} style={DASHBOARD_STYLE}>
      <main class="shell">
        <p class="note">{service} queue</p>
        <h1>{heading}</h1>
        {children}
        {isSignedIn && <SignOut view={{ page: 1, refresh: 'on' }} />}
      </main>
    </HtmlPage>
  )
}

interface SignInProps extends ShellProps {
  role: string
  email: string
  error: string | undefined
}

function SignInPage({ role, email, error, ...shell }: SignInProps) {
  return (
    <Shell {...shell} heading="Sign in">
      <p>This page is for operators: accounts with the role {role}.</p>
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
    </Shell>
  )
}

function WrongRolePage({ role, actual, ...shell }: ShellProps & { role: string; actual: string }) {
  return (
    <Shell {...shell} heading="Not for this account">
      <p>
        Your account has the role {actual}, and this page requires the role {role}. Ask an operator of the
        service, or sign in with another account.
      </p>
    </Shell>
  )
}

function ErrorPage({ message, ...shell }: ShellProps & { message: string }) {
  return (
    <Shell {...shell} heading="That did not work">
      <p>{message}</p>
      <p>
        <a href={PATH}>Back to the queue</a>
      </p>
    </Shell>
  )
}
