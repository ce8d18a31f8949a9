// Sends jobs to their queues: the producer's side.
import { randomBytes } from 'node:crypto'
import type { Redis } from 'ioredis'
import type { z } from 'zod'
import { DEFAULT_QUEUE } from '../types/queue-defaults.ts'
import type { InputSchema } from './input.ts'
import { call } from './lua.ts'
import { prepareJob, type PreparedJob } from './new-job.ts'
import { announceQueues } from './queue-names.ts'
import { ADD, keyBase } from './scripts.ts'
import type { Enqueue, Enqueued, EnqueueOptions, Task } from './task.ts'

/** The most elements in one RPUSH: a longer command would hold up the other clients of Redis. */
const CHUNK = 1000

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

  /** The first half of `enqueue`. @throws as `prepareJob` */
  function prepare<S extends InputSchema, D, R>(
    task: Task<S, D, R>,
    input: z.input<S>,
    options?: EnqueueOptions,
  ): PreparedJob {
    return prepareJob(`${mine}${(made++).toString(36)}`, maxBytes, task, input, options)
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
