// Declares the list of accounts, for superusers.
import { sql } from 'drizzle-orm'
import { defineList } from '../kit/data/list.ts'
import { publicUser, users } from './table.ts'

/** The newest first. A search looks in the email and the names. */
export const userList = defineList(publicUser, {
  sort: '-created',
  search: ['email', sql`${users.first_name} || ' ' || ${users.last_name}`],
  // As the API that this one replaces has it.
  pageSize: { most: 1000, byDefault: 1000 },
  ignoresOthers: true,
})
