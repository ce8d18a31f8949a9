// Finds and makes toy makers, each of which its owner and admins see.
import { and, eq } from 'drizzle-orm'
import { isAdmin } from '../../../../../src/account/roles.ts'
import type { Rule, Scope } from '../../../../../src/account/scope.ts'
import { publicToyMaker, toyMakers } from './table.ts'

const { columns } = publicToyMaker

const visible: Rule = ({ me, role }) => (isAdmin(role) ? undefined : eq(toyMakers.creator, me))

export async function findToyMaker(scope: Scope, id: number) {
  const one = and(eq(toyMakers.id, id), visible(scope))
  const [toyMaker] = await scope.db.select(columns).from(toyMakers).where(one)
  return toyMaker
}

export async function createToyMaker({ db, me }: Scope, input: { label: string }) {
  const [toyMaker] = await db
    .insert(toyMakers)
    .values({ ...input, creator: me })
    .returning(columns)
  if (toyMaker === undefined) throw new Error('insert returned no row')
  return toyMaker
}
