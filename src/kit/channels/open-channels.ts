// Opens what publishes and what listens. `openOwn` in `manifest.ts` hands it in: the app itself knows no Redis.
import type { Opening } from '../assemble.ts'
import { createHub, type Hub } from './hub.ts'
import { createPublish, type Publish } from './publish.ts'

/** What `openOwn` hands in. */
export interface OwnChannels {
  publish: Publish
  channelHub: Hub
}

export function openChannels(...[{ redisPrefix: prefix }, log, { redis, enqueue }]: Opening): OwnChannels {
  const channelHub = createHub({ redis, prefix, log })
  redis.once('end', channelHub.close)
  return { publish: createPublish(redis, prefix, enqueue), channelHub }
}
