// Gives a session a new token: its identity and its data move, and no moment of the move lets one escape that ends it.
import type { Redis } from 'ioredis'
import type { Identity, Sessions } from '../../types/sessions.ts'
import { decode, encode } from './session-identity.ts'
import type { createSessionIndex, sessionKeys } from './session-index.ts'
import { END, ROTATE } from './session-scripts.ts'
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
  /** Replaces what is there. */
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

  /** False if the old identity is not `text` any more: nothing has changed then. */
  async function moveAtOnce(from: string, to: string, text: string, identity: Identity): Promise<boolean> {
    const { userId, sentAt } = identity
    const both = [keys.identity, keys.data].flatMap((key) => [key(from), key(to)])
    const args = [text, encode(identity), sessionSeconds, indexSeconds, from, to, sentAt]
    return (await redis.eval(ROTATE, 5, ...both, keys.index(userId), ...args)) === 1
  }

  /**
   * In this order: whoever ends the user's sessions or changes their roles finds the new one in the index, or finds the old
   * one, which then cannot be ended here. Nobody knows the new token before that is done. Data that is written meanwhile
   * comes along, as it is copied once more.
   */
  async function moveInSteps(from: string, to: string, text: string, identity: Identity): Promise<boolean> {
    const { userId, sentAt } = identity
    await index.add(userId, to, sentAt)
    await copyData(from, to)
    await redis.set(keys.identity(to), encode(identity), 'EX', sessionSeconds)
    const isMoved = (await redis.eval(END, 1, keys.identity(from), text)) === 1
    if (isMoved) await Promise.all([copyData(from, to), index.add(userId, to, sentAt)])
    await index.end(userId, [isMoved ? from : to])
    return isMoved
  }

  const move = redis.isCluster ? moveInSteps : moveAtOnce

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
        if (await move(digest, newDigest, text, identity)) return { token: newToken, identity }
      }
    },
  }
}
