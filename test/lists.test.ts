// Every list: each order that clients may ask for has its index, for every role. Your lists are found by themselves.
import { join } from 'node:path'
import { expect, test } from 'bun:test'
import { roles } from '../src/account/roles.ts'
import { findLists, ordersWithoutIndex } from './kit/support/list-orders.ts'
import { createDatabase } from './kit/support/services.ts'

test('each order of each list has an index: columns that `visible` fixes, those of the order, and the id', async () => {
  const lists = await findLists(join(import.meta.dir, '../src'))
  expect(Object.keys(lists)).toContain('userList')
  const database = await createDatabase()
  try {
    expect(await ordersWithoutIndex(database.url, lists, roles.names)).toEqual([])
  } finally {
    await database.drop()
  }
})
