// Queues the mail that development sends to see whether mails arrive.
import { NOBODY } from '../kit/data/scope.ts'
import { readList } from '../kit/data/list-page.ts'
import type { Session } from '../kit/http/live-session.ts'
import { sendWelcome } from './mail-tasks.ts'
import type { Deps, Product } from './product.ts'
import { userList } from './user-list.ts'

/** Queues the welcome mail for the account that is logged in, or else for the newest one. */
export async function queueSampleMail({
  db,
  enqueue,
  session,
}: Pick<Deps, 'db' | 'enqueue'> & { session: Session<Product['Role']> | null }): Promise<void> {
  const { rows } = session === null ? await readList(userList, { db }, { limit: 1 }) : { rows: [] }
  await enqueue(sendWelcome, { userId: session?.userId ?? rows[0]?.id ?? NOBODY })
}
