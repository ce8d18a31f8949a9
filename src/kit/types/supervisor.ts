// Declares what an API process sees of the supervisor of its own machine, and what it may ask of it.

export interface SupervisedProcess {
  /** `server 1`. */
  name: string
  pid: number
  state: string
  /** Unix ms. */
  startedAt: number
  restarts: number
  lastReason: string
  requests: number
  inFlight: number
  lagMs: number
  /** Bytes. */
  rss: number
}

export interface SupervisorStatus {
  host: string
  pid: number
  version: string
  mode: string
  /** Unix ms. */
  startedAt: number
  reload?: { result: 'running' | 'succeeded' | 'failed'; startedAt: number; ms?: number; reason?: string }
  processes: SupervisedProcess[]
}

export interface Supervisor {
  /** Undefined if none runs on DATA_DIR. */
  status(this: void): SupervisorStatus | undefined
  /** Asks for a rolling reload, as `npm run reload` does, and does not wait for it. False: there is none to ask. */
  reload(this: void): boolean
}
