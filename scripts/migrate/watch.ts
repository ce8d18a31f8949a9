// `npm run dev`: says when drizzle/ has got a migration that the database lacks.
import { statSync } from 'node:fs'
import { findPending } from '../../src/kit/data/postgres/migrations.ts'
import { withConnection } from '../connection.ts'
import { findPrimary } from '../primary.ts'
import { journalOf, MIGRATIONS_FOLDER, readMigrations } from './folder.ts'

const POLL_MS = 1000

/** Looks after the journal until `close`. A journal that is half written, or a database that is away, is no news. */
export function watchMigrations(
  url: string,
  say: (line: string) => void,
  { folder = MIGRATIONS_FOLDER, pollMs = POLL_MS } = {},
) {
  const journal = journalOf(folder)
  const look = async () => {
    const journaled = readMigrations(folder)
    const pending = await withConnection(await findPrimary(url), (sql) => findPending(sql, journaled))
    if (pending.length === 0) return
    say(
      `The database lacks ${pending.map(({ tag }) => `drizzle/${tag}.sql`).join(', ')}: run npm run migrate`,
    )
  }
  // Its state as of now: `watchFile` takes that a moment later, and would miss what is written meanwhile.
  let seen = changedAt(journal)
  const polling = setInterval(() => {
    const now = changedAt(journal)
    if (now === seen) return
    seen = now
    look().catch(() => {})
  }, pollMs)
  return { close: () => clearInterval(polling) }
}

const changedAt = (file: string) => statSync(file, { throwIfNoEntry: false })?.mtimeMs
