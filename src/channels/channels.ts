// Declares your channels, one for each kind of news that browsers are told at once. This one is an account's own.
import { z } from 'zod'
import type { Deps } from '../account/product.ts'
import { defineChannel } from '../kit/channels/channel.ts'

/** What happens to an account, told to its open pages: somebody has logged in to it, maybe not its owner. */
export const meChannel = defineChannel({
  name: 'me',
  params: z.object({ userId: z.uuid() }),
  ofAccount: 'userId',
  event: z.object({ type: z.literal('session.started'), at: z.iso.datetime(), ip: z.string() }),
  // Neither programs nor whoever acts as the account: they are shown no logins elsewhere, either.
  mayListen: ({ abilities, impersonator }) => abilities === undefined && impersonator === undefined,
})

/** Each has a line here. */
export const channels = [meChannel] as const

/** Tells the pages of an account that a session has begun. That they cannot be told is no reason to refuse it. */
export async function tellLogin({ publish, log }: Deps, userId: string, ip: string): Promise<void> {
  const event = { type: 'session.started', at: new Date().toISOString(), ip } as const
  await publish(meChannel, { userId }, event).catch((error: unknown) =>
    log.warn('the pages of an account were not told of a login', { error }),
  )
}
