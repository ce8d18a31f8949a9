// Enqueues inside a transaction: the job is written beside the data, and commits with it or not at all.
import { is } from 'drizzle-orm'
import { PgDatabase } from 'drizzle-orm/pg-core'
import type { z } from 'zod'
import type { Db } from '../../types/db.ts'
import type { Queue } from '../queue.ts'
import type { InputSchema } from '../input.ts'
import type { Enqueue, EnqueueOptions, Task } from '../task.ts'
import { outbox } from './table.ts'

/**
 * `enqueue` with a transaction before its other arguments. Resolves when the row is written; once the transaction
 * has committed, a worker sends the job within a second, and at least once. `delayMs` counts from then on, the job has
 * no status before, and if an older one holds its unique key it is dropped.
 */
export type EnqueueInTransaction = <S extends InputSchema, D, R>(
  tx: Db,
  task: Task<S, D, R>,
  input: z.input<S>,
  options?: EnqueueOptions,
) => Promise<{ id: string }>

/** The one function for both: straight to Redis, or by way of the outbox if a transaction comes first. */
export function withOutbox(enqueue: Enqueue, prepare: Queue['prepare']): Enqueue & EnqueueInTransaction {
  async function either(first: Db | Task, ...rest: unknown[]): Promise<{ id: string }> {
    if (!is(first, PgDatabase)) return enqueue(...([first, ...rest] as Parameters<Enqueue>))
    const job = prepare(...(rest as Parameters<Queue['prepare']>))
    await first.insert(outbox).values({ job })
    return { id: job.id }
  }
  // What the two signatures check for the caller is put back together inside.
  return either as Enqueue & EnqueueInTransaction
}
