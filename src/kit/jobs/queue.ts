// Checks a job's input and puts it into the queue: the producer's side.
import { randomBytes } from 'node:crypto'
import type { Redis } from 'ioredis'
import type { z } from 'zod'
import { DEFAULT_QUEUE } from '../types/queue-defaults.ts'
import { status, type Element } from './element.ts'
import type { Gate } from './gate.ts'
import { call } from './lua.ts'
import { announceQueues } from './queue-names.ts'
import { ADD, keyBase } from './scripts.ts'
import { InputError, parseInput, UNIQUE_MS } from './task.ts'
import type { Enqueue, Enqueued, EnqueueOptions, InputSchema, Task } from './task.ts'

/** The most elements in one RPUSH: a longer command would hold up the other clients of Redis. */
const CHUNK = 1000

/** A job that is ready to be sent; plain JSON, so that an outbox can keep it until its transaction commits. */
export interface PreparedJob {
  id: string
  element: string
  /** Absent: the default one. */
  queue?: string
  /** Absent: it goes to the end of the queue. Otherwise what `addArgs` returns. */
  add?: (string | number)[]
}

/** A queue as its producers see it. */
interface Head {
  base: string
  batch: { elements: string[]; sent: Promise<unknown> } | undefined
}

export type Queue = ReturnType<typeof createQueue>

/**
 * @param redis a client that rejects a command whose connection broke, rather than send it again, adds no job twice
 * @param maxBytes the largest input, as JSON in UTF-8
 */
export function createQueue(where: { redis: Redis; prefix: string; maxBytes: number }) {
  const { redis, maxBytes } = where
  // Random once, then counted: short and cheap. A letter first: what begins with a hyphen is an option to a command.
  const mine = `j${randomBytes(9).toString('base64url')}`
  let made = 0
  const heads = new Map<string, Head>()

  function headOf(queue = DEFAULT_QUEUE): Head {
    const known = heads.get(queue)
    if (known) return known
    const head: Head = { base: keyBase(where.prefix, queue), batch: undefined }
    heads.set(queue, head)
    // Before its first job, so that operators see it though no worker has run yet; each worker says it again.
    if (queue !== DEFAULT_QUEUE) announceQueues(redis, where.prefix, [queue]).catch(() => {})
    return head
  }

  // All calls of one microtask share one RPUSH for each queue.
  function push(head: Head, element: string): Promise<unknown> {
    if (!head.batch || head.batch.elements.length === CHUNK) {
      const elements: string[] = []
      const sent = Promise.resolve().then(() => {
        if (head.batch?.elements === elements) head.batch = undefined
        return redis.rpush(`${head.base}queue`, ...elements)
      })
      head.batch = { elements, sent }
    }
    head.batch.elements.push(element)
    return head.batch.sent
  }

  /** The first half of `enqueue`: checks and writes down. Throws InputError. */
  function prepare<S extends InputSchema, D, R>(
    task: Task<S, D, R>,
    input: z.input<S>,
    options: EnqueueOptions = {},
  ): PreparedJob {
    const parsed = parseInput(task.name, task.input, input)
    const { by, requestId, urgent } = options
    const unique = options.unique ?? task.unique?.(parsed)
    const element = compose(`${mine}${(made++).toString(36)}`, task, input, parsed)
    const { id } = element
    if (by !== undefined) element.by = by
    if (requestId !== undefined) element.rid = requestId
    if (unique !== undefined) element.key = `${task.name}:${unique}`
    if (task.keepResultMs > 0) element.keep = task.keepResultMs
    const text = JSON.stringify(element)
    refuseLarge(task.name, text, input, maxBytes)

    const later = options.delayMs !== undefined || options.at !== undefined
    if (later && urgent) throw new TypeError(`task "${task.name}": urgent and a delay exclude each other`)
    if (!later && !urgent && !element.key && !element.keep) return { id, element: text, queue: task.queue }
    const to = later ? 'later' : urgent ? 'front' : 'back'
    return { id, element: text, queue: task.queue, add: addArgs({ to, ...timesOf(element, options) }) }
  }

  /** The second half: resolves when Redis has the job. */
  async function send({ id, element, queue, add }: PreparedJob): Promise<Enqueued> {
    const head = headOf(queue)
    if (!add) return push(head, element).then(() => ({ id, added: true }))
    const kept = await call(redis, ADD, head.base, element, id, ...add)
    return { id: kept, added: kept === id }
  }

  const enqueue: Enqueue = async (task, input, options) => send(prepare(task, input, options))

  /** Like `enqueue` for many inputs of one task: sent in chunks of 1000, each of which is added as a whole. */
  async function enqueueBulk<S extends InputSchema, D, R>(
    task: Task<S, D, R>,
    inputs: readonly z.input<S>[],
    options?: EnqueueOptions,
  ): Promise<Enqueued[]> {
    return Promise.all(inputs.map((input) => prepare(task, input, options)).map(send))
  }

  return { prepare, send, enqueue, enqueueBulk }
}

/** The element of a new job. Outside of the default queue its id begins with the queue's name, so that it is found. */
export function compose<S extends InputSchema, D, R>(
  which: string,
  { name, queue, limit }: Task<S, D, R>,
  data: z.input<S>,
  parsed: z.output<S>,
): Element {
  const id = queue === DEFAULT_QUEUE ? which : `${queue}.${which}`
  if (!limit) return { id, task: name, data }
  const { key, max: m, rate } = limit
  // The key may be any text, and the gate takes only some.
  const k = `${name}:${encodeURIComponent(key(parsed).toWellFormed())}`
  const gate: Gate = { k, ...(m && { m }), ...(rate && { r: [rate.starts, rate.perMs] }) }
  return { id, gate, task: name, data }
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

function timesOf(e: Element, { at, delayMs = 0, uniqueMs = UNIQUE_MS }: EnqueueOptions) {
  const waitMs = Math.max(0, Math.round(at ? at.getTime() - Date.now() : delayMs))
  if (Number.isNaN(waitMs)) throw new TypeError(`task "${e.task}": not a time to run at`)
  const shown = status(e, 'waiting', {}, waitMs)
  return { due: at?.getTime(), waitMs, key: e.key, keyMs: waitMs + uniqueMs, ...shown }
}

function refuseLarge(task: string, element: string, input: unknown, maxBytes: number): void {
  if (element.length * 3 <= maxBytes) return
  const bytes = Buffer.byteLength(JSON.stringify(input) ?? '')
  if (bytes <= maxBytes) return
  throw new InputError(
    `task "${task}" refuses its input: ${bytes} bytes, at most ${maxBytes} are allowed (JOB_MAX_BYTES); ` +
      'store what is large and enqueue its id',
  )
}
