// Gives a session a new token: its identity and its data move, and no moment of the move lets one escape that ends it.
import type { Redis } from 'ioredis'
import type { Identity, Sessions } from '../../types/sessions.ts'
import { decode, encode } from './session-identity.ts'
import type { createSessionIndex, sessionKeys } from './session-index.ts'
import { END } from './session-scripts.ts'
import { createToken, digestOf } from './session-token.ts'

interface Options<Role extends string> {
  isKnown(this: void, identity: Identity): identity is Identity<Role>
  sessionSeconds: number
  indexSeconds: number
}

export function createRotation<Role extends string>(
  redis: Redis,
  keys: ReturnType<typeof sessionKeys>,
  index: ReturnType<typeof createSessionIndex>,
  { isKnown, sessionSeconds, indexSeconds }: Options<Role>,
): Pick<Sessions<Role>, 'rotate'> {
  async function copyData(from: string, to: string): Promise<void> {
    const data = await redis.hgetall(keys.data(from))
    if (Object.keys(data).length === 0) return void (await redis.unlink(keys.data(to)))
    await redis
      .multi()
      .del(keys.data(to))
      .hset(keys.data(to), data)
      .expire(keys.data(to), indexSeconds)
      .exec()
  }

  return {
    async rotate(token, changes) {
      const digest = digestOf(token)
      if (digest === undefined) return null
      const [newToken, newDigest] = createToken()
      // Repeated if a request or a change of role comes between.
      for (;;) {
        const text = await redis.get(keys.identity(digest))
        const before = decode(text)
        if (text === null || before === null || !isKnown(before)) return null
        const identity = { ...before, ...changes }
        const { userId, sentAt } = identity
        /*
         * In this order: whoever ends the user's sessions or changes their roles finds the new one in the index, or finds
         * the old one, which then cannot be ended here. Nobody knows the new token before that is done. Data that is
         * written meanwhile comes along, as it is copied once more.
         */
        await index.add(userId, newDigest, sentAt)
        await redis.sadd(keys.olderIndex(userId), newDigest)
        await redis.expire(keys.olderIndex(userId), indexSeconds)
        await copyData(digest, newDigest)
        await redis.set(keys.identity(newDigest), encode(identity), 'EX', sessionSeconds)
        if ((await redis.eval(END, 1, keys.identity(digest), text)) === 1) {
          await copyData(digest, newDigest)
          await index.end(userId, [digest])
          return { token: newToken, identity }
        }
        await index.end(userId, [newDigest])
      }
    },
  }
}
