// Sets the headers that tell a browser what a response may do.
import { secureHeaders } from 'hono/secure-headers'
import { middleware } from './factory.ts'

// Pages bring their own small style sheet in the document and load nothing else.
const standard = secureHeaders({
  strictTransportSecurity: 'max-age=31536000; includeSubDomains',
  crossOriginResourcePolicy: false, // CORS sets it: a front-end that may read a response may show it as an image too
  contentSecurityPolicy: {
    defaultSrc: ["'none'"],
    styleSrc: ["'self'", "'unsafe-inline'"],
    imgSrc: ["'self'", 'data:'],
    formAction: ["'self'"],
    frameAncestors: ["'none'"],
    baseUri: ["'none'"],
  },
})

/** A page that needs another Content-Security-Policy names it: `c.set('policy', "default-src 'none'; ...")`. */
export const securityHeaders = middleware(async (c, next) => {
  await standard(c, next)
  const { policy } = c.var
  if (policy !== undefined) c.res.headers.set('Content-Security-Policy', policy)
})
