// Channels in the kit's product: rooms, a chat for writers, and one of each member's own.
import { z } from 'zod'
import { defineChannel } from '../../../src/kit/channels/channel.ts'
import { openChannels } from '../../../src/kit/channels/open-channels.ts'
import { channelRoutes } from '../../../src/kit/channels/routes.ts'
import { channelsSettings } from '../../../src/kit/channels/settings.ts'
import { type Config, type Product, requireRole } from '../product/product.ts'
import type { Mounted } from '../support/modules.ts'

/** Rooms from which somebody was shown out, by member. */
export const shownOut = new Map<string, number>()

export const roomChannel = defineChannel({
  name: 'room',
  params: z.object({ number: z.coerce.number().int().min(1) }),
  event: z.object({ n: z.number(), text: z.string().optional() }),
  mayListen: ({ id }, { number }) => shownOut.get(id) !== number,
})
export const staffChannel = defineChannel({
  name: 'staff',
  params: z.object({}),
  event: z.object({ n: z.number() }),
  mayListen: ({ role, abilities }) => role === 'owner' && abilities === undefined,
})
export const ownChannel = defineChannel({
  name: 'self',
  params: z.object({ userId: z.string(), topic: z.string() }),
  ofAccount: 'userId',
  event: z.object({ n: z.number() }),
  mayListen: () => true,
})

export const channels = [roomChannel, staffChannel, ownChannel] as const

export const settings = channelsSettings
export const open = openChannels

export const mount: Mounted['mount'] = (app, config) => {
  const withOwn = config as Config & { channelStreams: number }
  app.route(
    '/api/channels',
    channelRoutes<Product, typeof channels>({ requireRole, role: 'reader', channels, config: withOwn }),
  )
}
