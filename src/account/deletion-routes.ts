// Serves over HTTP the deletion of one's own account.
import { requireFresh } from '../kit/auth/guards.ts'
import { noStore } from '../kit/http/caching.ts'
import { doc } from '../kit/http/doc.ts'
import { requestDeletion, undoDeletion } from './deletion.ts'
import { lastSuperuser } from './errors.ts'
import { factory, requireRole } from './product.ts'
import { UserResponse } from './table.ts'

export const accountDeletion = factory
  .createApp()
  .use('/me/*', noStore)

  .delete(
    '/me',
    doc(
      'Has my account deleted, with my data: export that first. Logs out everywhere; `deletes` says until when I can log in and undo it. Needs a recent login.',
      UserResponse,
      { status: 202, errors: [lastSuperuser] },
    ),
    requireRole('readonly'),
    requireFresh(),
    async (c) => c.var.respond(await requestDeletion(c)),
  )

  .delete(
    '/me/deletion',
    doc('Undoes it: my account stays.', UserResponse),
    requireRole('readonly'),
    async (c) => c.var.respond(await undoDeletion(c)),
  )
