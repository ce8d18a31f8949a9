// Sets the headers that tell a browser what a response may do.
import { secureHeaders } from 'hono/secure-headers'
import type { AnyContext } from './env.ts'
import { middleware } from './factory.ts'

const standard = secureHeaders({
  strictTransportSecurity: 'max-age=31536000; includeSubDomains',
  crossOriginResourcePolicy: false, // CORS sets it: a front-end that may read a response may show it as an image too
})

// Pages bring their own small style sheet in the document and load nothing else.
const DIRECTIVES = {
  'default-src': "'none'",
  'style-src': "'self' 'unsafe-inline'",
  'img-src': "'self' data:",
  'form-action': "'self'",
  'frame-ancestors': "'none'",
  'base-uri': "'none'",
}

type Directives = Record<string, string>

const policyOf = (changes: Directives): string =>
  Object.entries({ ...DIRECTIVES, ...changes })
    .map((directive) => directive.join(' '))
    .join('; ')

const STANDARD = policyOf({})

/** Gives a page other values of the standard Content-Security-Policy, or further directives. */
export const widenPolicy = (c: AnyContext, changes: Directives): void =>
  c.set('policy', { ...c.get('policy'), ...changes })

export const securityHeaders = middleware(async (c, next) => {
  await standard(c, next)
  const changes = c.get('policy')
  c.res.headers.set('Content-Security-Policy', changes === undefined ? STANDARD : policyOf(changes))
})
