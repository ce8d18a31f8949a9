// Declares the types of `c.var` and `c.env` in every handler, for the roles, accounts and settings of any product.
import type { Context, Env } from 'hono'
import type { z } from 'zod'
import type { KitConfig } from '../config/kit-config.ts'
import type { KitDeps } from '../deps.ts'
import type { ErrorKind } from '../types/api-error.ts'
import type { Session } from './live-session.ts'

/** The types that a product brings. The kit relies on this much of them. */
export interface AnyProduct {
  Role: string
  User: { id: string; role: string }
  Config: KitConfig
  /** What its manifest opens beside the kit's dependencies. */
  Own: object
}

/**
 * Called when a request begins; the function it returns is called when the request ends. For the supervision of the
 * process. `route` is the pattern that matched, `ms` the time taken.
 */
export type Observe = (
  method: string,
  path: string,
  requestId: string,
) => (route: string, status: number, ms: number) => void

/** A link in the header of all pages: a route that says `link` in its `doc`. */
export interface PageLink {
  method: string
  path: string
  label: string
  /** The role that it takes. */
  role: string | undefined
  linkFor: 'visitors' | 'impersonators' | 'account' | undefined
}

export interface AppEnv<P extends AnyProduct = AnyProduct> {
  Bindings: {
    observe?: Observe
    /** The address of the other end of the connection, from the runtime's entry. */
    remoteAddress?: string
    /** For a long response: allows its connection to be silent for this many seconds. */
    allowIdle?: (seconds: number) => void
    /** Fires when the process stops taking requests: endless responses end now. */
    draining?: AbortSignal
    /** Why the runtime's entry refuses the request; the app sends the error in its own form. */
    refused?: string | undefined
    /** The client's method, where the runtime's entry has replaced a HEAD by a GET. */
    method?: string
  }
  Variables: KitDeps<P['Config'], P['Role']> &
    P['Own'] & {
      requestId: string
      /** The client's address, as reported by a trusted proxy if there is one. */
      ip: string
      /** Of a request with a personal access token: `requireRole` makes it the session, where the token may do this. */
      tokenSession?: Session<P['Role']>
      /** Of a request by somebody who acts as another account: `requireRole` makes it the session. */
      impersonation?: Session<P['Role']>
      /** Set where a session may not count yet: what `requireRole` throws, for the role that it has or, if that is another by now, this one. */
      unfinished?: (role?: string) => ErrorKind<[]> | undefined
      /** Set where a personal access token may do nothing that a route does not name. */
      refusesTokens?: boolean
      /** Null for visitors. `requireRole` narrows it. */
      session: Session<P['Role']> | null
      /** Turns the text of a response into its body: a stream of chunks if it is large. */
      bodyOf: (text: string, method: string | undefined) => string | ReadableStream<Uint8Array>
      /** What the header of every page links to. */
      pageLinks: () => PageLink[]
      /** The code of the error with which the request ended, for its log line. */
      errorCode?: string
      /** Of the body that `validate` has taken: says which fields a client may hear of. */
      bodySchema?: z.ZodType
      /** Set by a slice whose responses no cache may store. */
      noStore?: boolean
      /** The page that follows, of a request that was kept: see `nextOf`. */
      next?: string | undefined
      /** What the Content-Security-Policy of this page has else than the standard one: see `widenPolicy`. */
      policy?: Record<string, string>
      /** Fires when the request's deadline has passed or its client is gone: pass it to slow work. */
      signal: () => AbortSignal
    }
}

/**
 * The context of any route. `requireRole` and `validate` give each route's context a type of its own, and `Context` is
 * invariant in it (because of `set`), so a function for all routes takes this open type.
 */
export type AnyContext = Context

/** An `AnyContext` that tells what its `c.var` has. Every route's context that has it fits, as nothing is `set` by this type. */
export interface ContextWith<E extends Env> extends AnyContext {
  readonly var: Context<E>['var']
  // oxlint-disable-next-line typescript/no-explicit-any -- or each route's own `set` would not fit
  set: any
}
