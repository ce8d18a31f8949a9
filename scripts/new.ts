// Makes a new resource: its slice in src, its test, its line in app.ts and its migration.
//   npm run new -- book title:string author:string year:int?
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { loadConfig } from '../src/config.ts'
import { asUsage, readArguments, runCommand } from './command.ts'
import { generateMigration, refuseUngenerated } from './generate.ts'
import { type Access, ACCESS_OPTIONS, ACCESS_USAGE, readAccess, routeOf } from './new/access.ts'
import { refuseCollisions } from './new/collisions.ts'
import { type Field, parseFields, typesUsage } from './new/fields.ts'
import { type Names, parseNames } from './new/names.ts'
import { FACTORIES, fillTemplate } from './new/template.ts'
import { tryLines } from './new/try.ts'
import { addPurgeToCrons, addPurgeToTasks, addToApp, addToFactories } from './new/wire.ts'
import { readCurrentStatus } from './status.ts'
import { runTool } from './tool.ts'

const ROOT = join(import.meta.dir, '..')

const USAGE = `Usage: npm run new -- <name> <field>:<type>[?][:index][:unique] ... [options]
       npm run new -- booking 'court:int:index' starts:timestamp:index 'note:text?' --plural bookings
       npm run new -- book title:string:index isbn:string:unique 'genre:enum(novel|poem)?' --shared --public-read
<name> is one of them, in lowercase: book, book-review. ? makes a field optional.
${typesUsage}
  :index        lists filter by it, and sort by it if it has an order
  :unique       no two rows of an owner, or under one parent, have the same; of what is shared no two at all
  :unique(all)  no two at all: the answer to a value that is taken tells whoever asks that it is
${ACCESS_USAGE}
  --plural people   many of them, where the name with -s, -es or -ies is not it
Every resource also has id, creator (the account that added it), created, modified and version.`

/** It needs no services. */
const OF_NO_MATTER = { NODE_ENV: 'development', DATABASE_URL: 'postgres://none', REDIS_URL: 'redis://none' }

/** By path, everything that is going to be written, formatted. Nothing has been written when it throws. */
async function plan(names: Names, fields: Field[], access: Access): Promise<Map<string, string>> {
  refuseCollisions(ROOT, names, fields, access)
  await refuseUngenerated(ROOT)
  const readSource = (name: string) => readFileSync(join(ROOT, `src/${name}.ts`), 'utf8')
  const app = readSource('app')
  const filled = fillTemplate(names, fields, access)
  const files = {
    ...filled,
    'src/app.ts': addToApp(app, names, routeOf(names, access)),
    ...(access.softDelete && {
      'src/tasks.ts': addPurgeToTasks(readSource('tasks')),
      'src/crons.ts': addPurgeToCrons(readSource('crons')),
    }),
    [FACTORIES]: addToFactories(await readIfThere(FACTORIES), filled[FACTORIES] ?? ''),
  }
  const formatted = Object.entries(files).map(
    async ([path, text]) => [path, await format(path, text)] as const,
  )
  return new Map(await Promise.all(formatted))
}

async function readIfThere(path: string): Promise<string> {
  const file = Bun.file(join(ROOT, path))
  return (await file.exists()) ? await file.text() : ''
}

const format = (path: string, text: string) => runTool(ROOT, 'oxfmt', [`--stdin-filepath=${path}`], text)

/** Writes it all and generates the migration, and says each step: whoever sees an error sees how far it came. */
async function write(files: Map<string, string>, { table }: Names): Promise<void> {
  try {
    for (const [path, text] of files) {
      const file = join(ROOT, path)
      const change = existsSync(file) ? 'changed' : 'wrote  '
      mkdirSync(dirname(file), { recursive: true })
      writeFileSync(file, text)
      console.log(`${change} ${path}`)
    }
    console.log(`wrote   ${await generateMigration(ROOT, table)}`)
  } catch (error) {
    console.error('\nOnly the files above were written. What went wrong then:')
    throw error
  }
}

function readWish() {
  return asUsage(() => {
    const { values, positionals } = readArguments({ plural: { type: 'string' }, ...ACCESS_OPTIONS }, Infinity)
    const [name, ...specs] = positionals
    if (name === undefined) throw new Error('Which resource?')
    const names = parseNames(name, values.plural)
    return { names, fields: parseFields(specs, names.snake), access: readAccess(ROOT, values) }
  })
}

await runCommand(USAGE, async () => {
  const wish = readWish()
  const { names, fields, access } = wish
  // A setting that cannot be used is told before anything is written.
  const config = loadConfig({ ...process.env, ...OF_NO_MATTER })
  await write(await plan(names, fields, access), names)
  console.log(`
${routeOf(names, access)} is there. Its test: npm test -- test/${names.path}.test.ts
Try it in this folder, beside npm start (one that runs: npm run migrate && npm run reload first):
`)
  const { port } = readCurrentStatus() ?? config // of the npm start that runs, which another terminal may have given a PORT
  for (const line of await tryLines(ROOT, wish, { ...config, port })) console.log(line)
})
