// Deletes for good, as a task of a cron, what was deleted longer ago than its table keeps it.
import { z } from 'zod'
import type { Schema } from '../data/owned-rows.ts'
import { deleteOver } from '../data/soft-delete.ts'
import type { Db } from '../types/db.ts'
import { defineTask } from './task.ts'

export const purgeDeleted = defineTask({
  name: 'purgeDeleted',
  input: z.object({}),
  async run(_input, { log, signal }, { db, schema }: { db: Db; schema: Schema }) {
    const count = await deleteOver(db, schema, signal)
    if (count > 0) log.info(`deleted for good: ${count}`)
  },
})
