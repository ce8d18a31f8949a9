// Migrations in the making: what the tables in src have that no migration has yet, and the file that gets it.
//   npm run generate -- --name what      (--custom: an empty one, to be written by hand)
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { generateDrizzleJson, generateMigration as diff } from 'drizzle-kit/api'
import { loadSchema } from '../src/kit/data/tables.ts'
import { withExclusions } from './generate/exclusions.ts'
import { findTool, runTool } from './tool.ts'

type Snapshot = ReturnType<typeof generateDrizzleJson>

const FOLDER = 'drizzle'

/** @throws Error with the statements if somebody has changed a table and not generated the migration */
export async function refuseUngenerated(root: string): Promise<void> {
  const statements = await findUngenerated(root)
  if (statements.length === 0) return
  throw new Error(
    `The tables in src have changes that no migration has yet: run \`npm run generate -- --name what\` first.\n` +
      statements.join('\n'),
  )
}

/** The schema as the migrations leave it. */
export function newestSnapshot(root: string): Snapshot {
  const meta = join(root, FOLDER, 'meta')
  const newest = readdirSync(meta)
    .filter((file) => file.endsWith('_snapshot.json'))
    .toSorted()
    .at(-1)
  return newest === undefined
    ? generateDrizzleJson({})
    : (JSON.parse(readFileSync(join(meta, newest), 'utf8')) as Snapshot)
}

async function findUngenerated(root: string): Promise<string[]> {
  const before = newestSnapshot(root)
  return diff(before, generateDrizzleJson(await loadSchema(join(root, 'src')), before.id))
}

/** Writes the next migration. @returns the paths of what it takes: `drizzle/0002_books.sql` */
export async function generateMigration(root: string, name: string): Promise<string[]> {
  let said = ''
  const added = await addedBy(root, async () => {
    said = await runTool(root, 'drizzle-kit', ['generate', '--name', name])
  })
  if (added.length === 0) throw new Error(`drizzle-kit wrote no migration:\n${said}`)
  return added
}

/** The migrations that drizzle-kit has written meanwhile, with what it does not know. */
async function addedBy(root: string, work: () => Promise<unknown>): Promise<string[]> {
  const list = () => readdirSync(join(root, FOLDER)).filter((file) => file.endsWith('.sql'))
  const [before, snapshot] = [list(), newestSnapshot(root)]
  await work()
  const added = list().filter((file) => !before.includes(file))
  for (const file of added) {
    const path = join(root, FOLDER, file)
    writeFileSync(path, withExclusions(readFileSync(path, 'utf8'), snapshot))
  }
  return added.map((file) => `${FOLDER}/${file}`)
}

// Whoever writes it may be asked: is this column new, or that one under another name?
if (import.meta.main) {
  const root = join(import.meta.dir, '..')
  const command = [findTool(root, 'drizzle-kit'), 'generate', ...process.argv.slice(2)]
  const child = () => Bun.spawn(command, { cwd: root, stdio: ['inherit', 'inherit', 'inherit'] })
  let code = 0
  await addedBy(root, async () => (code = await child().exited))
  process.exit(code)
}
