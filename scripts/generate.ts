// Migrations in the making: what the tables in src have that no migration has yet, and the files that get it.
//   npm run generate -- --name what      (--custom: an empty one, to be written by hand)
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { loadSchema } from '../src/kit/data/tables.ts'
import { readArguments, runCommand, UsageError } from './command.ts'
import { contractionOf, dropBridges, findLeftovers } from './generate/contract.ts'
import type { Answers } from './generate/expand.ts'
import { type Migration, readNotes, writeMigrations } from './generate/migration-files.ts'
import { atOnce, isDone, makePlan, migrationsOf, type Plan } from './generate/plan.ts'
import { newestSnapshot, snapshotFrom } from './generate/snapshot.ts'
import { undeployed } from './generate/undeployed.ts'
import { run } from './tool.ts'

const USAGE = `Usage: npm run generate -- --name <what>   writes migrations of what you changed in a table.ts; npm run migrate applies them
While they are applied, and until the reload has ended, processes of the old code read and write beside the new ones, and after a
rollback again. So what only they need stays: a column that is gone from the code, a default, a table. What the database has to
be told is asked here, and nothing is guessed:
  --rename bookings.note:remark   that column has another name now: both are there and the same, by a trigger
  --drop bookings.note            it is gone, and the new one is another. Of a table: --drop films
  --fill "bookings.seats=1"       SQL for what is required and rows do not have; of a column that is gone, for what older processes find;
                                  of a value that is gone from an enum, the one that takes its place: --fill genre.poem=novel
Each takes several steps, as migrations with comments: expand, fill (page by page, for a table of any size), then what needs all
rows to be right. Indexes are built concurrently; constraints hold of new rows first.
  --contract [bookings.note ...]  in a later deploy, once no process runs or comes back that is older than the steps above: takes away
                                  what only such processes needed; all of it, or what is named
  --undeployed                    no such process uses a database that is kept: all at once, in one migration, as drizzle-kit has it
  --custom                        an empty migration, to be written by hand: drizzle/README.md`

/** @throws Error with the statements if somebody has changed a table and not generated the migration */
export async function refuseUngenerated(root: string): Promise<void> {
  const { steps, refusals } = await survey(root, { renames: new Map(), drops: new Set(), fills: new Map() })
  const found = [...Object.values(steps).flat(), ...refusals]
  if (found.length === 0) return
  throw new Error(
    `The tables in src have changes that no migration has yet: run \`npm run generate -- --name what\` first.\n` +
      found.join('\n'),
  )
}

async function survey(root: string, answers: Answers): Promise<Plan> {
  const before = newestSnapshot(root)
  const after = snapshotFrom(await loadSchema(join(root, 'src')), before.id)
  return makePlan(before, after, answers, readNotes(root))
}

/**
 * Writes the next migration, and more where it takes several steps.
 * @param options of the command, besides the name
 * @returns the paths: `drizzle/0002_books.sql`
 */
export async function generateMigration(
  root: string,
  name: string,
  options: string[] = [],
): Promise<string[]> {
  const list = () =>
    readdirSync(join(root, 'drizzle'))
      .filter((file) => file.endsWith('.sql'))
      .toSorted()
  const before = list()
  // In a process of its own: this one may have loaded the tables as they were.
  const command = [process.execPath, join(root, 'scripts/generate.ts'), '--name', name, ...options]
  const said = await run(root, command, { name: 'npm run generate' })
  const added = list().filter((file) => !before.includes(file))
  if (added.length === 0) throw new Error(`npm run generate wrote no migration:\n${said}`)
  return added.map((file) => `drizzle/${file}`)
}

function readAnswers(values: { rename: string[]; drop: string[]; fill: string[] }): Answers {
  const part = (option: string, text: string, by: string): [string, string] => {
    const at = text.indexOf(by)
    if (at <= 0 || at === text.length - 1)
      throw new UsageError(
        `--${option} ${text}: it takes ${option === 'fill' ? 'bookings.seats=1' : 'bookings.note:remark'}`,
      )
    return [text.slice(0, at), text.slice(at + 1)]
  }
  const unsafe = values.fill.find((text) => /\$\$|;/.test(text))
  if (unsafe !== undefined)
    throw new UsageError(`--fill ${unsafe}: it takes one expression, without ; and $$`)
  return {
    renames: new Map(values.rename.map((text) => part('rename', text, ':'))),
    drops: new Set(values.drop),
    fills: new Map(values.fill.map((text) => part('fill', text, '='))),
  }
}

const flag = { type: 'boolean', default: false } as const
const list = { type: 'string', multiple: true, default: [] as string[] } as const
const OPTIONS = {
  name: { type: 'string' },
  rename: list,
  drop: list,
  fill: list,
  contract: flag,
  undeployed: flag,
  custom: flag,
} as const

const NOTHING = 'The tables in src have nothing that drizzle/ lacks'

async function generate(root: string): Promise<void> {
  const { values, positionals } = readArguments(OPTIONS, Infinity)
  if (positionals.length > 0 && !values.contract)
    throw new UsageError(`Unexpected argument "${positionals[0]}"`)
  const { name } = values
  const write = (migrations: Migration[]) => {
    for (const path of writeMigrations(root, migrations)) console.log(`wrote   ${path}`)
  }
  const named = () => {
    if (name !== undefined && /^\w[\w-]*$/.test(name)) return name
    throw new UsageError('A migration needs a name of letters, digits and _: --name booking_notes')
  }

  if (values.custom) {
    return write([
      {
        name: named(),
        opening: ['-- By hand; drizzle/README.md says what to mind.'],
        statements: [],
        snapshot: newestSnapshot(root),
      },
    ])
  }
  const answers = readAnswers(values)
  const found = await survey(root, answers)
  const { before, after, target, refusals } = found
  if (values.undeployed) {
    const statements = [...dropBridges(found.notes.bridges), ...(await undeployed(before, after, answers))]
    return statements.length === 0 ? console.log(NOTHING) : write(atOnce(named(), statements, found))
  }
  if (values.contract) return write([await contractionOf(named(), found, positionals)])
  if (refusals.length > 0)
    throw new Error(
      `${refusals.join('\n\n')}\n\nNothing is written. Say it behind: npm run generate -- --name ${name ?? 'what'}`,
    )
  const isEmpty = isDone(found)
  if (isEmpty) console.log(NOTHING)
  else write(migrationsOf(named(), found))
  const leftovers = findLeftovers(isEmpty ? before : target, after, readNotes(root))
  if (leftovers.length === 0) return
  console.log('\nFor older processes there is still:')
  for (const { place, about } of leftovers) console.log(`  ${place}  ${about}`)
  console.log(
    'It goes by npm run generate -- --name what --contract, in a deploy after this one: once none of them runs or comes back.',
  )
}

if (import.meta.main) await runCommand(USAGE, () => generate(join(import.meta.dir, '..')))
