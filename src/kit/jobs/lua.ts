// Calls Lua scripts, all of which begin with the same lines.
import { createHash } from 'node:crypto'
import type { Redis } from 'ioredis'

const HEAD = `
local base = KEYS[1]
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local minute = math.floor(now / 60000)
`

/** An argument of a script; a Buffer goes byte for byte. */
export type Arg = string | number | Buffer

/** A script and the type of its reply. */
export interface Script<Reply> {
  body: string
  sha: string
  reply?: Reply
}

export function script<Reply>(lua: string): Script<Reply> {
  const body = HEAD + lua
  return { body, sha: createHash('sha1').update(body).digest('hex') }
}

/** Runs a script on the keys of `base`; Redis forgets scripts at a restart, and is then given the text again. */
export const call = <Reply>(redis: Redis, which: Script<Reply>, base: string, ...args: Arg[]) =>
  run(which, (command, lua) => redis[command](lua, 1, base, ...args))

// ioredis has these as it has all commands, and declares them for most. Its declared callBuffer loses the command's
// name where calls are pipelined by themselves.
type Bytes = Record<
  'evalshaBuffer' | 'evalBuffer',
  (lua: string, keys: 1, ...args: Arg[]) => Promise<unknown>
>

/** The same, with all texts of the reply as bytes. */
export const callBuffer = <Reply>(redis: Redis, which: Script<Reply>, base: string, ...args: Arg[]) =>
  run(which, (command, lua) => (redis as Redis & Bytes)[`${command}Buffer`](lua, 1, base, ...args))

async function run<Reply>(
  { body, sha }: Script<Reply>,
  send: (command: 'evalsha' | 'eval', lua: string) => Promise<unknown>,
): Promise<Reply> {
  let reply: unknown
  try {
    reply = await send('evalsha', sha)
  } catch (error) {
    if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error
    reply = await send('eval', body)
  }
  return reply as Reply
}
