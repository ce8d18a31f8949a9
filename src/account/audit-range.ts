// Says between which moments events of the audit trail are asked for.
import { z } from 'zod'

const Moment = z
  .string()
  .max(40, { abort: true })
  .check(z.iso.datetime({ offset: true }))
  .refine((moment) => moment > '0001')

export const AuditRange = z.object({
  from: Moment.describe('The first moment.'),
  to: Moment.describe('The first moment that is left out.'),
})
