// Lets a session act as a user of a lower role: a record apart from sessions.
import { hash } from 'node:crypto'
import type { Redis } from 'ioredis'
import type { Roles } from '../../types/roles.ts'
import type { Identity, Sessions } from '../../types/sessions.ts'
import { parseJson } from './session-identity.ts'
import type { sessionKeys } from './session-index.ts'
import { createToken } from './session-token.ts'

/** From its begin, whatever its activity. */
const SECONDS = 15 * 60

/** The session's own token, the user's id, and a secret. It has the shape of no other token. */
const TOKEN = /^([\w-]{43})\.([\w-]{1,64})\.[\w-]{43}$/

interface Begun {
  at: number
  /** The role of the own session. */
  by: string
  label: string
}

/** A hash per user: the `role`, and by the digest of each token when and as what it began. */
export function createImpersonation<Role extends string>(
  redis: Redis,
  keys: ReturnType<typeof sessionKeys>,
  roles: Pick<Roles<Role>, 'names' | 'atLeast' | 'isBarred'>,
  openOwn: (token: string) => Promise<Identity<Role> | null>,
) {
  const partsOf = (token: string) => {
    const [, own, userId = ''] = TOKEN.exec(token) ?? []
    return own === undefined ? undefined : { own, userId, key: keys.impersonations(userId) }
  }
  const digestOf = (token: string) => hash('sha256', token)

  /** Null as soon as the session has ended or has another role, or the user's role is not lower any more. */
  async function open(token: string): Promise<Identity<Role> | null> {
    const parts = partsOf(token)
    if (parts === undefined) return null
    const { own, userId, key } = parts
    const [by, [role, text]] = await Promise.all([openOwn(own), redis.hmget(key, 'role', digestOf(token))])
    const begun = parseJson(text ?? '') as Begun | undefined
    if (by === null || begun === undefined || by.role !== begun.by) return null
    const current = roles.names.find((name) => name === role)
    const isAllowed = current && !roles.isBarred(current) && !roles.atLeast(current, by.role)
    if (!isAllowed || Date.now() - begun.at >= SECONDS * 1000) return null
    const { at, label } = begun
    // Never fresh, and never sent again.
    const login = { loginAt: at, sentAt: at, provenAt: 0, remember: false }
    return { ...by, ...login, userId, role: current, impersonation: { by, label } }
  }

  const end = async (token: string): Promise<string | undefined> => {
    const parts = partsOf(token)
    if (parts) await redis.hdel(parts.key, digestOf(token))
    return parts?.own
  }

  const calls: Pick<Sessions<Role>, 'impersonate' | 'endImpersonation'> = {
    async impersonate(own, { id, role, label }) {
      const by = await openOwn(own)
      if (by === null) return null
      const [secret] = createToken()
      const token = `${own}.${id}.${secret}`
      const begun: Begun = { at: Date.now(), by: by.role, label }
      const key = keys.impersonations(id)
      await redis
        .multi()
        .hset(key, 'role', role, digestOf(token), JSON.stringify(begun))
        .expire(key, SECONDS)
        .exec()
      const identity = await open(token)
      return identity && { token, identity }
    },

    async endImpersonation(acting) {
      const token = await end(acting)
      const identity = token === undefined ? null : await openOwn(token)
      return token === undefined || identity === null ? null : { token, identity }
    },
  }
  return { open, end, calls }
}
