// Sets the headers that tell a browser what a response may do.
import { secureHeaders } from 'hono/secure-headers'
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

/** The standard Content-Security-Policy with other values, or further directives, for `c.set('policy', ...)`. */
export const policyWith = (changes: Record<string, string>): string =>
  Object.entries({ ...DIRECTIVES, ...changes })
    .map((directive) => directive.join(' '))
    .join('; ')

const STANDARD = policyWith({})

/** A page that needs another Content-Security-Policy names it by `policyWith`. */
export const securityHeaders = middleware(async (c, next) => {
  await standard(c, next)
  c.res.headers.set('Content-Security-Policy', c.get('policy') ?? STANDARD)
})
