// Queues the mail that development sends to see whether mails arrive.
import { NOBODY } from '../kit/data/scope.ts'
import type { Session } from '../kit/http/live-session.ts'
import { sendWelcome } from './mail-tasks.ts'
import type { Deps, Product } from './product.ts'
import { listUsers } from './user-list.ts'

/** Queues the welcome mail for the account that is logged in, or else for the newest one. */
export async function queueSampleMail({
  db,
  enqueue,
  session,
}: Pick<Deps, 'db' | 'enqueue'> & { session: Session<Product['Role']> | null }): Promise<void> {
  const [newest] = session === null ? await listUsers(db, { limit: 1, offset: 0 }) : []
  await enqueue(sendWelcome, { userId: session?.userId ?? newest?.id ?? NOBODY })
}
