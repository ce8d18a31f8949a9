// Defines what the account that enqueued a job sees of it, and writes and reads it.
import type { Element } from './element.ts'
import { UNIQUE_MS } from './task.ts'

/** What the account that enqueued a job may see of it. */
export interface JobStatus {
  id: string
  task: string
  state: 'waiting' | 'running' | 'done' | 'failed' | 'cancelled'
  by?: string
  /** While it waits or runs: its owner may cancel it, and free its unique key. */
  cancellable?: true
  key?: string
  /** From 0 to 1. */
  progress?: number
  result?: unknown
  /** A message that is safe to show. */
  error?: string
}

/**
 * The status fields of a move or an enqueue; nothing if nobody asked for them. Until the job has ended they are kept
 * for as long as its key, counted from when it is due.
 */
export function status(e: Element, state: JobStatus['state'], more: Partial<JobStatus> = {}, delayMs = 0) {
  if (!e.keep) return {}
  const hasEnded = state === 'done' || state === 'failed'
  const { id, task, by, key } = e
  const open = e.gate?.c && !hasEnded ? { cancellable: true as const, key } : {}
  // In this order: scripts read the first state in it.
  const shown: JobStatus = { id, task, state, ...(by && { by }), ...open, ...more }
  const keepMs = hasEnded ? e.keep : Math.round(delayMs) + Math.max(e.keep, UNIQUE_MS)
  return { status: JSON.stringify(shown), keepMs }
}

/** Undefined for what is none: anybody may write to Redis. */
export function parseStatus(text: string): JobStatus | undefined {
  try {
    const shown: JobStatus | null = JSON.parse(text)
    const isState = shown && ['waiting', 'running', 'done', 'failed', 'cancelled'].includes(shown.state)
    return isState && typeof shown.id === 'string' && typeof shown.task === 'string' ? shown : undefined
  } catch {
    return undefined
  }
}
