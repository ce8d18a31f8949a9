// The element: a job as it lies in Redis, and the ways it may move from one place to another.

/**
 * A job is one JSON list element, `id` first. `{"id", "task", "data"}` is enough, so that a bare RPUSH
 * from any language is a valid enqueue; what is absent counts as zero or none.
 */
export interface Element {
  id: string
  /** Name of the task. */
  task: string
  data?: unknown
  /** Attempts that failed. */
  n?: number
  /** Workers that died while they ran it. */
  c?: number
  error?: string
  /** Account that enqueued it. */
  by?: string
  /** Id of the request that enqueued it. */
  rid?: string
  /** Unique key that it holds until it has ended. */
  key?: string
  /** How long its status is kept for its owner, ms. */
  keep?: number
  /** What lay in the queue, in the place of a job that could not be read. */
  malformed?: string
}

/** What the account that enqueued a job may see of it. */
export interface Status {
  id: string
  task: string
  state: 'waiting' | 'running' | 'done' | 'failed'
  by?: string
  /** From 0 to 1. */
  progress?: number
  result?: unknown
  /** A message that is safe to show. */
  error?: string
}

/** A movement of one element; see MOVE in scripts.ts. `front` and `back` are the ends of the queue. */
export interface Move {
  raw: string
  to: 'gone' | 'front' | 'back' | 'later' | 'dead'
  /** The element as rewritten; absent: unchanged. */
  as?: string
  /** Until due, for `later`. */
  delayMs?: number
  /** Counts as done, or as an attempt that failed. */
  counts?: 'done' | 'failed'
  id?: string
  /** The unique key that is let go. */
  release?: string
  status?: string
  keepMs?: number
}

/** The job in a raw element, or null if it is none. */
export function parseElement(raw: string): Element | null {
  try {
    const e: Element | null = JSON.parse(raw)
    return typeof e?.id === 'string' && e.id !== '' && typeof e.task === 'string' ? e : null
  } catch {
    return null
  }
}

/** Its end: nothing of it stays but the status, if someone asked for it. */
export function finish(raw: string, e: Element, result?: unknown): Move {
  return { raw, to: 'gone', counts: 'done', id: e.id, release: e.key, ...status(e, 'done', { result }) }
}

/** Unchanged to the front of the queue: the worker stops before the job could end. */
export function giveBack(raw: string, e: Element): Move {
  return { raw, to: 'front', id: e.id, ...status(e, 'waiting') }
}

/** Unchanged, for some ten seconds: it cannot be run here and now. */
export function postpone(raw: string, e: Element): Move {
  const delayMs = 10_000 * (0.5 + Math.random())
  return { raw, to: 'later', delayMs, id: e.id, ...status(e, 'waiting') }
}

/** After a failed attempt: once more, later. */
export function retry(raw: string, e: Element, delayMs: number): Move {
  const as = JSON.stringify(e)
  return { raw, to: 'later', as, delayMs, counts: 'failed', id: e.id, ...status(e, 'waiting') }
}

/** A job that is given up waits among the dead for an operator. `shown` is what its owner is told. */
export function bury(raw: string, e: Element, shown = 'The task failed.'): Move {
  const end = status(e, 'failed', { error: shown })
  return { raw, to: 'dead', as: JSON.stringify(e), counts: 'failed', id: e.id, release: e.key, ...end }
}

/** What stands for something in the queue that is no job. */
export function malformed(raw: string): Element {
  const error = 'not a job: no JSON object with an id and a task'
  return { id: `malformed-${crypto.randomUUID()}`, task: '', malformed: raw, error }
}

export const buryMalformed = (raw: string) => bury(raw, malformed(raw))

/**
 * A job whose worker died. The first time it goes to the front of the queue; the next two times it waits
 * for a random while, so that the jobs that died with it are not run beside it again; then it counts as the killer.
 */
export function crashed(raw: string): Move {
  const e = parseElement(raw)
  if (!e) return buryMalformed(raw)
  const c = (e.c ?? 0) + 1
  const killer = { ...e, c }
  if (c > 3) return bury(raw, { ...killer, error: `its worker died each of the ${c} times it ran` })
  const as = JSON.stringify(killer)
  if (c === 1) return { raw, to: 'front', as, id: e.id, ...status(e, 'waiting') }
  return { raw, to: 'later', as, delayMs: 1000 + Math.random() * 5000, id: e.id, ...status(e, 'waiting') }
}

/** The status fields of a move or an enqueue; nothing if nobody asked for them. */
export function status(e: Element, state: Status['state'], more: Partial<Status> = {}) {
  if (!e.keep) return {}
  const shown: Status = { id: e.id, task: e.task, state, ...(e.by && { by: e.by }), ...more }
  return { status: JSON.stringify(shown), keepMs: e.keep }
}
