// The status of jobs in the kit's product, and a job for each member to follow.
import { accepted } from '../../../src/kit/job-status/accepted.ts'
import { jobStatus } from '../../../src/kit/job-status/routes.ts'
import { JobResponse } from '../../../src/kit/job-status/schema.ts'
import { doc } from '../../../src/kit/http/doc.ts'
import { factory, requireRole } from '../product/product.ts'
import { greet } from '../product/tasks.ts'
import type { Mounted } from '../support/modules.ts'

const greeting = factory
  .createApp()
  .post(
    '/self/greeting',
    doc('Greets me by a job.', JobResponse, { status: 202 }),
    requireRole('reader'),
    async (c) => {
      const { userId } = c.var.session
      const { id } = await c.var.enqueue(greet, { memberId: userId }, { by: userId })
      return accepted(c, id)
    },
  )

export const mount: Mounted['mount'] = (app) => {
  app.route('/api/jobs', jobStatus({ requireRole, role: 'reader' })).route('/club', greeting)
}
