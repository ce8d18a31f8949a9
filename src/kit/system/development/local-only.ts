// Keeps the pages of the web away from the endpoints of development, which ask for no login.
import { tag } from '../../http/doc.ts'
import { middleware } from '../../http/factory.ts'
import { isAllowedOrigin } from '../../http/origins.ts'
import { ApiError } from '../../types/api-error.ts'

/** A name that an attacker owns may lead here too: his page is then of the same origin, but his Host is not ours. */
const LOCAL_HOST = /^(([\w-]+\.)*localhost|127(\.\d{1,3}){3}|\[::1\])(:\d*)?$/i

const refuseForeign = middleware((c, next) => {
  const host = c.req.header('host')
  if (host !== undefined && !LOCAL_HOST.test(host)) {
    throw new ApiError(403, 'Development endpoints answer to localhost only')
  }
  // Any page of the web can post here without a preflight, and has no cookie to be stopped by.
  const origin = c.req.header('origin')
  const isForeign =
    c.req.method === 'POST' && origin !== undefined && !isAllowedOrigin(c.get('config'), origin)
  if (isForeign || c.req.header('sec-fetch-site') === 'cross-site') {
    throw new ApiError(403, 'Development endpoints are not for other sites')
  }
  return next()
})

export const localOnly = tag(refuseForeign, { others: [403] })
