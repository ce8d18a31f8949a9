// Serves the events of several channels as one stream of server-sent events.
import type { TypedResponse } from 'hono'
import { z } from 'zod'
import type { RequireRole } from '../auth/guards.ts'
import type { KitConfig } from '../config/kit-config.ts'
import { isTransient } from '../data/transient.ts'
import { noStore } from '../http/caching.ts'
import { doc } from '../http/doc.ts'
import type { AnyContext, AnyProduct } from '../http/env.ts'
import { eventStream } from '../http/event-stream.ts'
import { appFactory } from '../http/factory.ts'
import type { Session } from '../http/live-session.ts'
import { Places } from '../http/places.ts'
import { validate } from '../http/validate.ts'
import { defineError } from '../types/api-error.ts'
import { type AnyChannel, type Asked, type Listener, MAX_TEXT, parseText } from './channel.ts'
import type { OwnChannels } from './open-channels.ts'

/** How often each listener is asked again whether it may: what has ended is told nothing more after so many ms. */
export const RECHECK_MS = 10_000
/** Channels of one stream. */
const MAX_CHANNELS = 20
/** Streams in one process: of an account, of an address, which may be that of a whole company. */
const MAX_OF_ACCOUNT = 20
const MAX_OF_ADDRESS = 1000

const channelNotFound = defineError(404, 'channel_not_found', 'There is no such channel, or none for you')
const tooManySubscriptions = defineError(
  429,
  'too_many_subscriptions',
  'You have too many streams of channels open: close one',
)
const streamsFull = defineError(
  503,
  'streams_full',
  'This server holds as many streams as it can: try again soon',
)

const Text = z.string().min(1).max(MAX_TEXT)
const Query = z.object({
  on: z
    .union([Text, z.array(Text).min(1).max(MAX_CHANNELS)])
    .describe('Channels: `on=court:7&on=me`; at most 20.')
    .meta({ examples: ['me'] }),
})

/** By the name of each channel what it carries, for the typed client. */
export type EventsOf<Channels extends readonly AnyChannel[]> = {
  [C in Channels[number] as C['name']]: z.output<C['event']>
}

interface Options<P extends AnyProduct, Channels extends readonly AnyChannel[]> {
  requireRole: RequireRole<P>
  /** The lowest role that may listen at all. */
  role: P['Role']
  channels: Channels
  config: KitConfig & { channelStreams: number }
}

export function channelRoutes<P extends AnyProduct, const Channels extends readonly AnyChannel[]>({
  requireRole,
  role,
  channels,
  config,
}: Options<P, Channels>) {
  const known = new Map<string, AnyChannel>(channels.map((channel) => [channel.name, channel]))
  if (known.size < channels.length) throw new Error('channels: two of them have the same name')
  const inProcess = new Places(config.channelStreams)
  const ofAccount = new Places(MAX_OF_ACCOUNT)
  const ofAddress = new Places(MAX_OF_ADDRESS)

  /** Said for the typed client: what `subscribe` reads from the stream. */
  type Streamed = Response & TypedResponse<EventsOf<Channels>, 200, 'json'>

  return appFactory<P>()
    .createApp()
    .use(noStore)

    .get(
      '/',
      doc('Streams the events of channels as server-sent events.', 'text/event-stream', {
        errors: [channelNotFound, tooManySubscriptions, streamsFull],
      }),
      requireRole(role),
      validate('query', Query),
      async (c): Promise<Streamed> => {
        const { session, ip } = c.var
        const { channelHub } = depsOf(c)
        const assertPlace = () => {
          if (inProcess.isFull('all')) throw streamsFull()
          if (ofAccount.isFull(session.userId) || ofAddress.isFull(ip)) throw tooManySubscriptions()
        }
        assertPlace()
        const listener = listenerOf(session)
        const asked = [c.req.valid('query').on].flat().map((text) => parseText(known, text, listener.id))
        const named = new Map(asked.map((one) => [one?.key, one]))
        const wanted = [...named.values()].filter((one) => one !== undefined)
        const isAllowed = async () => {
          if (wanted.length < named.size) return false
          const answers = await Promise.all(wanted.map((one) => mayListen(one, listener, c)))
          return answers.every(Boolean)
        }
        if (!(await isAllowed())) throw channelNotFound()
        const mayGoOn = () =>
          orLater(async () => (await session.currentRole()) === session.role && isAllowed())
        const lastEventId = c.req.header('last-event-id')
        assertPlace() // of many who ask at once none had taken one before
        return eventStream(c, async (stream) => {
          const taken = [inProcess.take('all'), ofAccount.take(session.userId), ofAddress.take(ip)]
          try {
            await channelHub.follow(stream, wanted, { lastEventId, mayGoOn, everyMs: RECHECK_MS })
          } finally {
            for (const giveBack of taken) giveBack()
          }
        }) as Streamed
      },
    )
}

/** The dependencies of a request: routes are open in what a product has of its own. */
const depsOf = (c: AnyContext) => c.var as unknown as OwnChannels

const listenerOf = ({ userId, role, access, impersonator }: Session): Listener => ({
  id: userId,
  role,
  abilities: access?.abilities,
  impersonator,
})

const mayListen = async ({ channel, params }: Asked, listener: Listener, c: AnyContext): Promise<boolean> =>
  channel.mayListen(listener, params, c.var as never)

/** Whoever was allowed is until the answer can be had: a stream outlasts a short outage, and ends after five minutes. */
async function orLater(ask: () => Promise<boolean>): Promise<boolean> {
  try {
    return await ask()
  } catch (error) {
    if (isTransient(error)) return true
    throw error
  }
}
