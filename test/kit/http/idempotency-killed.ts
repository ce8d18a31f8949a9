// A server that is killed inside a request with an Idempotency-Key, at the step that KILLED_AT names.
import { createDeps } from '../../../src/kit/create-deps.ts'
import type { Db } from '../../../src/kit/types/db.ts'
import { createApp, manifest } from '../product/app.ts'
import { loadConfig } from '../product/product.ts'

const { KILLED_AT, SENT_COOKIE = '', SENT_KEY = '', SENT_BODY } = process.env

const { deps } = createDeps(loadConfig(), manifest)

function kill(): Promise<never> {
  process.kill(process.pid, 'SIGKILL')
  return new Promise(() => {})
}

/** The handler's row is inserted by Drizzle; the prepared statement that follows keeps the answer. */
function watched(tx: Db): Db {
  let isThere = false
  const { insert } = tx
  const { session } = tx._
  const { prepareQuery } = session
  session.prepareQuery = (...query) => {
    if (KILLED_AT === 'after the row' && isThere && query[2] !== undefined) void kill()
    return prepareQuery.apply(session, query) as never
  }
  return Object.assign(tx, {
    insert(...[table]: Parameters<Db['insert']>) {
      if (KILLED_AT === 'before the row') void kill()
      isThere = true
      return insert.call(tx, table)
    },
  })
}

const begin = deps.db.transaction.bind(deps.db)
deps.db.transaction = async (work, options) => {
  const result = await begin(async (tx) => {
    const done = await work(watched(tx) as typeof tx)
    return KILLED_AT === 'before the commit' ? kill() : done
  }, options)
  return KILLED_AT === 'after the commit' ? kill() : result
}

const headers = { Cookie: SENT_COOKIE, 'Idempotency-Key': SENT_KEY, 'Content-Type': 'application/json' }
const reply = await createApp(deps).request('/club/notes', { method: 'POST', headers, body: SENT_BODY ?? '' })
process.stdout.write(`nothing has killed it: ${reply.status} ${await reply.text()}`)
process.exit(1)
