// Declares channels, and reads and writes the texts by which clients name them.
import type { z } from 'zod'

/** Who listens, or wants to. */
export interface Listener {
  /** Of the account. */
  id: string
  role: string
  /** Of a personal access token; undefined for a login. */
  abilities: readonly string[] | undefined
  /** The account that acts as this one; undefined in one's own session. */
  impersonator: string | undefined
}

/** What a name is made of. */
type Part = string | number | boolean
type ParamsSchema = z.ZodObject<Record<string, z.ZodType<Part>>>

export interface Channel<
  Name extends string = string,
  Params extends ParamsSchema = ParamsSchema,
  Event extends z.ZodType = z.ZodType,
  Deps = never,
> {
  name: Name
  /** In the order in which a client writes them: `court:7`. It writes texts: `z.coerce.number()`. */
  params: Params
  /** What a client sees, field by field: others are left out. */
  event: Event
  /** The param that is the id of whoever listens. Clients do not write it, and so cannot name another account's. */
  ofAccount?: keyof z.output<Params> & string
  /**
   * Whether this account may listen. Asked at the start, and again and again while it does: within `RECHECK_MS` it hears nothing
   * more. Whoever may hears the last minutes, too.
   */
  mayListen(this: void, listener: Listener, params: z.output<Params>, deps: Deps): boolean | Promise<boolean>
}

/** Any channel, for code that does not depend on what it carries. */
// oxlint-disable-next-line typescript/no-explicit-any -- each channel's own parameters would not fit
export type AnyChannel = Channel<string, any, z.ZodType, any>

const NAME = /^[a-z][a-z0-9-]{0,30}$/
/** Events of `EventSource` itself, and ours. */
const RESERVED = new Set(['open', 'error', 'message', 'reset'])

/** The longest text of a channel. */
export const MAX_TEXT = 200

/** Declares a channel, once, for whoever publishes, listens and writes a client. */
export function defineChannel<
  const Name extends string,
  Params extends ParamsSchema,
  Event extends z.ZodType,
  Deps = unknown,
>(channel: Channel<Name, Params, Event, Deps>): Channel<Name, Params, Event, Deps> {
  const { name, params, ofAccount } = channel
  if (!NAME.test(name) || RESERVED.has(name))
    throw new Error(
      `channel "${name}": a name is a small letter and up to 30 more, digits or dashes, and none of ${[...RESERVED].join(', ')}`,
    )
  if (ofAccount !== undefined && !Object.hasOwn(params.shape, ofAccount))
    throw new Error(`channel "${name}": ofAccount is ${ofAccount}, which is none of its params`)
  return channel
}

/** The text of one channel, which is its key: `court:7`. @throws RangeError if it is too long */
export function keyOf(channel: AnyChannel, params: Record<string, unknown>): string {
  return textOf([channel.name, ...namesOf(channel).map((name) => params[name])])
}

function textOf([name, ...parts]: [string, ...unknown[]]): string {
  const text = [name, ...parts.map((part) => encodeURIComponent(String(part)))].join(':')
  if (text.length <= MAX_TEXT) return text
  throw new RangeError(
    `channel "${name}": its params make a name of ${text.length} characters, ${MAX_TEXT} are the most`,
  )
}

const namesOf = (channel: AnyChannel) => Object.keys(channel.params.shape)

/** A channel as a client has asked for it. */
export interface Asked {
  channel: AnyChannel
  params: Record<string, unknown>
  /** As the client names it, in its one form: without the param that is the account. */
  text: string
  key: string
}

/** What a client's text names, to this account; undefined: nothing that there is. */
export function parseText(
  channels: ReadonlyMap<string, AnyChannel>,
  text: string,
  account: string,
): Asked | undefined {
  const [name = '', ...parts] = text.split(':')
  const channel = channels.get(name)
  if (channel === undefined || text.length > MAX_TEXT) return undefined
  const written = namesOf(channel).filter((param) => param !== channel.ofAccount)
  if (written.length !== parts.length) return undefined
  try {
    const given = Object.fromEntries(written.map((param, i) => [param, decodeURIComponent(parts[i] ?? '')]))
    const own = channel.ofAccount === undefined ? {} : { [channel.ofAccount]: account }
    const parsed = channel.params.safeParse({ ...given, ...own })
    if (!parsed.success) return undefined
    const params: Record<string, unknown> = parsed.data
    const shown = textOf([name, ...written.map((param) => params[param])])
    return { channel, params, text: shown, key: keyOf(channel, params) }
  } catch (error) {
    if (error instanceof URIError || error instanceof RangeError) return undefined
    throw error
  }
}
