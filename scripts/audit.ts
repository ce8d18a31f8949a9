// The audit trail from the command line: verifies its seals, and writes a range of it as lines of JSON.
import { eventLines } from '../src/kit/audit/events.ts'
import { verifySeals } from '../src/kit/audit/seals.ts'
import type { Db } from '../src/kit/types/db.ts'
import { oneOf, readArguments, runCommand, UsageError } from './command.ts'
import { withDeps } from './with-deps.ts'

const USAGE = `Usage: npm run audit -- verify
       npm run audit -- export --from <moment> --to <moment> > audit.jsonl
\`verify\` ends with 1 if sealed events were changed, removed or added. Compare the digest that it prints with the log, where
each seal stands as AUDIT TRAIL SEALED: whoever can change the database can make new seals, but not the old lines.
\`export\` writes the events from the first moment on until before the second: 2026-01-31, 2026-01-31T12:00:00Z.`

async function verify(db: Db): Promise<void> {
  const { since, events, last, broken } = await verifySeals(db)
  for (const { number, from, until, events: sealed, found } of broken)
    console.error(
      `seal ${number}, from ${from} until ${until}: other events than were sealed (${found}, not ${sealed})`,
    )
  if (broken.length > 0) throw new Error(`${broken.length} seal(s) do not hold: see src/kit/audit/README.md`)
  if (last.number === 0)
    return console.log('Nothing is sealed yet: each hour those events are sealed that are an hour old.')
  console.log(`${events} events since ${since} are as they were sealed. Seal ${last.number}: ${last.digest}`)
}

async function write(db: Db, range: { from: string; to: string }): Promise<void> {
  for await (const { line } of eventLines(db, range)) await Bun.write(Bun.stdout, line)
}

function parseCommand(): (db: Db) => Promise<void> {
  const text = { type: 'string' } as const
  const { positionals, values } = readArguments({ from: text, to: text }, 1)
  const moment = (option: 'from' | 'to') => {
    const at = new Date(values[option] ?? '')
    if (Number.isNaN(at.getTime())) throw new UsageError(`--${option} must be a moment`)
    return at.toISOString()
  }
  if (oneOf(positionals[0], ['verify', 'export'], 'command') === 'verify') return verify
  const range = { from: moment('from'), to: moment('to') }
  return (db) => write(db, range)
}

await runCommand(USAGE, () => {
  const command = parseCommand()
  return withDeps({ logLevel: 'silent', migrates: false }, ({ deps }) => command(deps.db))
})
