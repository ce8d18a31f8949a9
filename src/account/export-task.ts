// Declares the task that exports all data of an account.
import { z } from 'zod'
import { defineTask } from '../kit/jobs/task.ts'
import { exportAccount, type ExportDeps, forgetEarlierExport } from './export.ts'
import type { Deps } from './product.ts'

/** Only that account can read the result. */
export const exportMyData = defineTask({
  name: 'exportMyData',
  input: z.object({ userId: z.uuid() }),
  unique: ({ userId }) => userId,
  keepResultMs: 60 * 60 * 1000,
  async run({ userId }, job, deps: Deps & ExportDeps) {
    const data = await exportAccount(deps, userId, job)
    await forgetEarlierExport(deps, userId, job.id)
    return data ?? job.log.info('the account is gone')
  },
})
