// Writes a job down: checks its input, and says where it is added and how long its unique key and its status are kept.
import type { z } from 'zod'
import { DEFAULT_QUEUE } from '../types/queue-defaults.ts'
import { textOf, type Element, type Gate } from './element.ts'
import { parseInput, refuseLarge, type InputSchema } from './input.ts'
import { status } from './status.ts'
import { UNIQUE_MS, type EnqueueOptions, type Task } from './task.ts'

/** A job that is ready to be sent; plain JSON, so that an outbox can keep it until its transaction commits. */
export interface PreparedJob {
  id: string
  element: string
  /** Absent: the default one. */
  queue?: string
  /** Absent: it goes to the end of the queue. Otherwise what `addArgs` returns. */
  add?: (string | number)[]
}

/**
 * @param which its id but for the name of its queue
 * @throws InputError; TypeError for options that exclude each other
 */
export function prepareJob<S extends InputSchema, D, R>(
  which: string,
  maxBytes: number,
  task: Task<S, D, R>,
  input: z.input<S>,
  options: EnqueueOptions = {},
): PreparedJob {
  const parsed = parseInput(task.name, task.input, input)
  const { by, requestId, trace, urgent } = options
  const unique = options.unique ?? task.unique?.(parsed)
  const element = compose(which, task, input, parsed, options)
  const { id } = element
  if (by !== undefined) element.by = by
  if (requestId !== undefined) element.rid = requestId
  if (trace !== undefined) element.tp = trace
  // Scripts read it, and take no half of a character.
  if (unique !== undefined) element.key = `${task.name}:${unique}`.toWellFormed()
  if (task.keepResultMs > 0) element.keep = task.keepResultMs
  const text = textOf(element)
  refuseLarge(task.name, text, input, maxBytes)

  const later = options.delayMs !== undefined || options.at !== undefined
  if (later && urgent) throw new TypeError(`task "${task.name}": urgent and a delay exclude each other`)
  const due = later ? (options.at?.getTime() ?? Date.now() + (options.delayMs ?? 0)) : -Infinity
  if (options.startBefore && !(options.startBefore.getTime() > due))
    throw new TypeError(`task "${task.name}": startBefore is a time after that at which it is due`)
  if (!later && !urgent && !element.key && !element.keep) return { id, element: text, queue: task.queue }
  const to = later ? 'later' : urgent ? 'front' : 'back'
  return { id, element: text, queue: task.queue, add: addArgs({ to, ...timesOf(element, options) }) }
}

/** The element of a new job. Outside of the default queue its id begins with the queue's name, so that it is found. */
export function compose<S extends InputSchema, D, R>(
  which: string,
  task: Task<S, D, R>,
  data: z.input<S>,
  parsed: z.output<S>,
  options: EnqueueOptions = {},
): Element {
  const { name, queue, version } = task
  const id = queue === DEFAULT_QUEUE ? which : `${queue}.${which}`
  const gate = gateOf(task, parsed, options)
  const since = options.at?.getTime() ?? Date.now() + (options.delayMs ?? 0)
  const element: Element = gate ? { id, gate, task: name, since, data } : { id, task: name, since, data }
  if (version > 0) element.v = version
  return element
}

// What a limit counts by may be any text, and the gate takes only some.
function gateOf<S extends InputSchema, D, R>(
  { name, limit, cancellable, uniqueUntil }: Task<S, D, R>,
  parsed: z.output<S>,
  { startBefore }: EnqueueOptions,
): Gate | undefined {
  if (!limit && !cancellable && uniqueUntil === 'end' && !startBefore) return undefined
  const { max: m, rate } = limit ?? {}
  return {
    ...(limit && { k: `${name}:${encodeURIComponent(limit.key(parsed).toWellFormed())}` }),
    ...(m && { m }),
    ...(rate && { r: [rate.starts, rate.perMs] }),
    ...(cancellable && { c: 1 }),
    ...(uniqueUntil === 'start' && { u: 1 }),
    ...(startBefore && { b: startBefore.getTime() }),
  }
}

/** Where a job is added, when it is due, and how long its unique key and its status are kept. */
interface Addition {
  to: 'front' | 'back' | 'later'
  /** Unix ms; absent: after `waitMs`. */
  due?: number
  waitMs?: number
  key?: string
  keyMs: number
  status?: string
  keepMs?: number
}

/** The arguments of ADD behind the element and its id, in the order of that script. */
export function addArgs({ to, due, waitMs = 0, key = '', keyMs, status: shown = '', keepMs = 0 }: Addition) {
  return [to, due ?? '', waitMs, key, keyMs, shown, keepMs]
}

/** Jobs that are added together with a movement, as `move` in library.ts takes them. */
export const followers = (jobs: readonly PreparedJob[]) =>
  JSON.stringify(jobs.map(({ element, id, add = AT_ONCE }) => [element, id, ...add].map(String)))

const AT_ONCE = addArgs({ to: 'back', keyMs: 0 })

function timesOf(e: Element, { at, delayMs = 0, uniqueMs = UNIQUE_MS }: EnqueueOptions) {
  const waitMs = Math.max(0, Math.round(at ? at.getTime() - Date.now() : delayMs))
  const keyMs = Math.round(waitMs + uniqueMs)
  const shown = status(e, 'waiting', {}, waitMs)
  // Redis would refuse others in the middle of a script.
  if (![waitMs + 1, keyMs, e.keep ?? 1].every((ms) => Number.isSafeInteger(ms) && ms > 0))
    throw new TypeError(`task "${e.task}": not a time to run at, or to keep its key or its result`)
  return { due: at?.getTime(), waitMs, key: e.key, keyMs, ...shown }
}
