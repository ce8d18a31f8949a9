// The test of all lists names an order that has no index, and no other.
import { expect, test } from 'bun:test'
import { eq } from 'drizzle-orm'
import { defineList } from '../../../src/kit/data/list.ts'
import type { Scope } from '../../../src/kit/data/scope.ts'
import { memberList, noteList } from '../product/queries.ts'
import { notes, publicNote, roles } from '../product/table.ts'
import { ordersWithoutIndex } from '../support/list-orders.ts'
import { createDatabase } from '../support/services.ts'

const visible = ({ me, role }: Scope) => (role === 'owner' ? undefined : eq(notes.writer, me))
/** All notes have an index by their time, the notes of a writer have none; none has one by its text. */
const gappy = defineList(publicNote, { visible, orders: ['-written', 'text'] })

test('an order without an index is named, for those who lack it', async () => {
  const database = await createDatabase('kit')
  try {
    expect(await ordersWithoutIndex(database.url, { memberList, noteList }, roles.names)).toEqual([])
    const named = await ordersWithoutIndex(database.url, { gappy }, roles.names)
    expect(named.map((message) => message.slice(0, message.indexOf(' has no')))).toEqual([
      'gappy: sort=-written for banned',
      'gappy: sort=written for banned',
      'gappy: sort=text for banned',
      'gappy: sort=text for owner',
      'gappy: sort=-text for banned',
      'gappy: sort=-text for owner',
    ])
    expect(named[0]).toEndWith(
      'for "notes" where "notes"."writer" = $1 order by "notes"."written" desc, "notes"."id" desc',
    )
  } finally {
    await database.drop()
  }
})
