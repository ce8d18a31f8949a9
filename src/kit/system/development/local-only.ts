// Keeps foreign web pages away from the development endpoints, which require no login.
import { tag } from '../../http/doc.ts'
import { middleware } from '../../http/factory.ts'
import { isAllowedOrigin, originNotAllowed } from '../../http/origins.ts'
import { forbidden } from '../../types/api-error.ts'

/** An attacker's domain may resolve to this machine: his page then has our origin, but its Host is not one of these. */
const LOCAL_HOST = /^(([\w-]+\.)*localhost|127(\.\d{1,3}){3}|\[::1\])(:\d*)?$/i

const refuseForeign = middleware((c, next) => {
  const host = c.req.header('host')
  if (host !== undefined && !LOCAL_HOST.test(host)) {
    throw forbidden({ message: 'Development endpoints answer to localhost only' })
  }
  // Any web page can post here without a preflight, and no missing cookie would stop it.
  const origin = c.req.header('origin')
  const isForeign =
    c.req.method === 'POST' && origin !== undefined && !isAllowedOrigin(c.get('config'), origin)
  if (isForeign || c.req.header('sec-fetch-site') === 'cross-site') {
    throw originNotAllowed({ message: 'Development endpoints are not for other sites' })
  }
  return next()
})

export const localOnly = tag(refuseForeign, { errors: [forbidden, originNotAllowed] })
