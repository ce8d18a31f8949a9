// Finds and makes toy boxes, each of which its owner and admins see.
import { and, eq } from 'drizzle-orm'
import { isAdmin } from '../../../../../src/account/roles.ts'
import type { Rule, Scope } from '../../../../../src/account/scope.ts'
import { publicToyBox, toyBoxes } from './table.ts'

const { columns } = publicToyBox

const visible: Rule = ({ me, role }) => (isAdmin(role) ? undefined : eq(toyBoxes.creator, me))

export async function findToyBox(scope: Scope, id: number) {
  const one = and(eq(toyBoxes.id, id), visible(scope))
  const [toyBox] = await scope.db.select(columns).from(toyBoxes).where(one)
  return toyBox
}

export async function createToyBox({ db, me }: Scope, input: { label: string }) {
  const [toyBox] = await db
    .insert(toyBoxes)
    .values({ ...input, creator: me })
    .returning(columns)
  if (toyBox === undefined) throw new Error('insert returned no row')
  return toyBox
}
