// Declares the jobs of files: deletes bytes, asks a purpose's check, and sweeps what was left behind.
import { and, eq, inArray, isNull, lt, or, type SQL, sql } from 'drizzle-orm'
import { z } from 'zod'
import { isFreeOf, referencesTo } from '../data/clear-references.ts'
import type { Schema } from '../data/owned-rows.ts'
import type { KitDeps } from '../deps.ts'
import type { AnyProduct } from '../http/env.ts'
import { defineTask, FOR_DAYS } from '../jobs/task.ts'
import { removeOrphans } from './compare.ts'
import type { FilesTable } from './files-table.ts'
import { type HasStore, type Purpose, type Purposes, storeOf } from './purposes.ts'
import { fileQueries } from './queries.ts'

const A_DAY = '1 day'
/** An upload that is not completed by then is given up. */
const PENDING = '2 hours'
/** A check whose job has died is a no by then. */
const CHECKING = '7 days'

type Deps<P extends AnyProduct> = KitDeps<P['Config'], P['Role']> & P['Own'] & HasStore

export function fileTasks<P extends AnyProduct>(table: FilesTable, purposes: Purposes<P>) {
  const queries = fileQueries(table)
  const before = (age: string) => sql`now() - ${age}::interval`

  const deleteBytes = defineTask({
    name: 'deleteFileBytes',
    input: z.object({ files: z.array(z.object({ id: z.uuid(), object: z.string().nullable() })) }),
    ...FOR_DAYS,
    async run({ files }, job, deps: HasStore & Pick<KitDeps, 'config' | 'log'>) {
      const store = storeOf(deps)
      for (const { id, object } of files) {
        job.signal.throwIfAborted()
        await store.remove(`incoming/${id}`)
        if (object !== null) await store.remove(object)
      }
    },
  })

  const checkFile = defineTask({
    name: 'checkFile',
    input: z.object({ id: z.uuid() }),
    unique: ({ id }) => id,
    ...FOR_DAYS,
    async run({ id }, job, deps: Deps<P>) {
      const file = await queries.find(deps.db, id)
      const purpose: Purpose<P> | undefined = purposes[file?.purpose ?? '']
      if (file === undefined || file.state !== 'checking' || file.object === null) return
      const { object } = file
      const open = async () => {
        const bytes = await storeOf(deps).read(object)
        if (bytes === undefined) throw new Error(`the store has no ${object}`)
        return bytes
      }
      const isGood = (await purpose?.check?.(file, open, job, deps)) ?? true
      await deps.db.transaction(async (tx) => {
        const to = isGood ? (['checking', 'ready'] as const) : (['checking', 'refused'] as const)
        const moved = await queries.move(tx, id, to, isGood ? {} : { object: null })
        if (moved && !isGood) await deps.enqueue(tx, deleteBytes, { files: [{ id, object }] })
      })
      if (!isGood) job.log.warn('FILE REFUSED', { file: id, purpose: file.purpose, account: file.account })
    },
  })

  /** What nothing refers to and nobody will miss. What a row refers to stays, whosever it was: its foreign key sees to that. */
  function overdue(schema: Schema): SQL | undefined {
    const attached = Object.keys(purposes).filter((name) => purposes[name]?.isAttached)
    const isFree = referencesTo(schema, table).map(isFreeOf)
    const isOver = or(
      and(eq(table.state, 'pending'), lt(table.changed, before(PENDING))),
      and(eq(table.state, 'checking'), lt(table.changed, before(CHECKING))),
      and(inArray(table.state, ['refused', 'lost']), lt(table.changed, before(A_DAY))),
      and(eq(table.state, 'ready'), inArray(table.purpose, attached), lt(table.changed, before(A_DAY))),
      isNull(table.account),
    )
    return and(isOver, ...isFree)
  }

  const sweepFiles = defineTask({
    name: 'sweepFiles',
    input: z.object({ store: z.boolean() }),
    unique: () => '',
    timeoutMs: 60 * 60_000,
    async run({ store }, job, deps: Deps<P> & { schema: Schema }) {
      const where = overdue(deps.schema)
      let rows = 0
      for (let last = -1; last !== 0; rows += last) {
        job.signal.throwIfAborted()
        last = await queries.remove(deps, deleteBytes, where)
      }
      const orphans = store ? await removeOrphans(deps.db, table, storeOf(deps), job) : 0
      if (rows + orphans > 0) job.log.info('files swept', { rows, orphans })
    },
  })

  return { deleteBytes, checkFile, sweepFiles }
}
