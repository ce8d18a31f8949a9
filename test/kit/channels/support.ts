// What the tests of channels share: the deps that they open, and a client that keeps what it was told.
import { subscribe } from '../../../src/kit/channels/client.ts'
import type { OwnChannels } from '../../../src/kit/channels/open-channels.ts'
import type { Client } from '../support/client.ts'
import type { TestApp } from '../support/harness.ts'

export const depsOf = (app: TestApp) => app.deps as TestApp['deps'] & OwnChannels

export const publishOf = (app: TestApp) => depsOf(app).publish

export interface Told {
  /** In their order: the `n` of each event, or `reset`. */
  told: Record<string, (number | 'reset')[]>
  /** How often it has connected. */
  connected: () => number
  ended: () => number | undefined
  stop(): void
}

/** Subscribes as a browser would, and connects to another address when told so. */
export function listen(
  client: Client,
  names: string[],
  { url = () => client.url, headers }: { url?: () => string; headers?: Record<string, string> } = {},
): Told {
  const told = Object.fromEntries(names.map((name): [string, (number | 'reset')[]] => [name, []]))
  let connected = 0
  let ended: number | undefined
  const stop = subscribe<Record<string, { n: number }>>(
    '/api/channels',
    Object.fromEntries(names.map((name) => [name, ({ n }: { n: number }) => void told[name]?.push(n)])),
    {
      onReset: (name) => void told[name]?.push('reset'),
      onEnd: ({ status }) => (ended = status),
      init: () => ({ headers: headers ?? { Cookie: client.cookieHeader } }),
      async fetch(path, init) {
        const response = await fetch(`${url()}${path}`, init)
        if (response.ok) connected++
        return response
      },
    },
  )
  return { told, connected: () => connected, ended: () => ended, stop }
}
