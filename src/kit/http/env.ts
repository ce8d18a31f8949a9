// What every handler finds in `c.var` and `c.env`: types only, for the roles, accounts and settings of any product.
import type { Context } from 'hono'
import type { KitConfig } from '../config/kit-config.ts'
import type { Deps } from '../deps.ts'
import type { Session } from './live-session.ts'

/** What a product has of its own. The kit works with this much of it, and the product tells the rest. */
export interface Product {
  Role: string
  User: { id: string; role: string }
  Config: KitConfig
  /** What its manifest opens beside the kit's dependencies. */
  Own: object
}

/**
 * Is told of each request that begins, and by what it returns, that it has ended and how: for whoever looks after the
 * process. `route` is the pattern that has matched, `ms` the time taken.
 */
export type Observe = (
  method: string,
  path: string,
  requestId: string,
) => (route: string, status: number, ms: number) => void

export interface AppEnv<P extends Product = Product> {
  Bindings: {
    observe?: Observe
    /** Address of the connection's other end; the runtime's entry passes it in. */
    remoteAddress?: string
    /** For an answer that goes on for long: its connection may be silent for so many seconds. */
    allowIdle?: (seconds: number) => void
    /** Fires when the process stops taking requests: what goes on and on is to end now. */
    draining?: AbortSignal
    /** Why the runtime's entry refuses the request: it cannot answer in the app's words by itself. */
    refused?: string | undefined
    /** What the client asked with, where the runtime's entry has put a GET in place of a HEAD. */
    method?: string
  }
  Variables: Deps<P['Config'], P['Role']> &
    P['Own'] & {
      requestId: string
      /** The client's address; a trusted proxy's word for it where there is one. */
      ip: string
      /** Null for visitors. `requireRole` narrows it. */
      session: Session<P['Role']> | null
      /** How the text of an answer goes out: a large one in pieces. */
      bodyOf: (text: string, method: string | undefined) => string | ReadableStream<Uint8Array>
      /** Set by a slice whose answers no cache may keep. */
      noStore?: boolean
      /** Fires when the request's deadline has passed or its client has gone: pass it to slow work. */
      signal: () => AbortSignal
    }
}

/**
 * The context of any route. `requireRole` and `validate` make each route's context a type of its own,
 * and `Context` is invariant in it (because of `set`), so a function that takes them all must be open here.
 */
export type AnyContext = Context
