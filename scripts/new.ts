// Makes a new resource: its slice in src, its test, its line in app.ts and its migration.
//   npm run new -- book title:string author:string year:int?
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { loadConfig } from '../src/config.ts'
import { asUsage, readArguments, runCommand } from './command.ts'
import { ACCESS_USAGE, mountsOf, routeOf } from './new/access.ts'
import { MODIFIERS_USAGE } from './new/modifiers.ts'
import { RULES_USAGE } from './new/rules.ts'
import { FACTORIES } from './new/template.ts'
import { typesUsage } from './new/types.ts'
import { addPurgeToCrons, addPurgeToTasks, addToApp, addToFactories } from './new/wire.ts'
import { fillWish, formatFile, readWish, type Wish } from './new/wish.ts'
import { readCurrentStatus } from './status.ts'

const ROOT = join(import.meta.dir, '..')

const USAGE = `Usage: npm run new -- <name> <field>:<type>[?][:<modifier>] ... [<rule>] ... [options]
       npm run new -- booking 'court:ref(court)' starts:timestamp:index 'guests:int:min(1):max(8):default(2)' 'note:text?'
       npm run new -- field bookings 'note:text?'   adds fields to a resource that is there
       npm run new -- book title:string:index isbn:string:unique 'genre:enum(novel,poem)?' --shared --public-read
<name> is one of them, in lowercase: book, book-review. ? makes a field optional.
${typesUsage}
${MODIFIERS_USAGE}
${RULES_USAGE}
${ACCESS_USAGE}
  --plural people   many of them, where the name with -s, -es or -ies is not it
Every resource also has id, creator (the account that added it), created, modified and version.`

// What takes the app or drizzle-kit is loaded where it is needed: whoever called it wrongly is told at once.

/** It needs no services. */
const OF_NO_MATTER = { NODE_ENV: 'development', DATABASE_URL: 'postgres://none', REDIS_URL: 'redis://none' }

/** By path, everything that is going to be written, formatted. Nothing has been written when it throws. */
async function plan(wish: Wish, args: string[]): Promise<Map<string, string>> {
  const { names, access } = wish
  const { refuseCollisions } = await import('./new/collisions.ts')
  refuseCollisions(ROOT, wish)
  const { refuseUngenerated } = await import('./generate.ts')
  await refuseUngenerated(ROOT)
  const readSource = (name: string) => readFileSync(join(ROOT, `src/${name}.ts`), 'utf8')
  const app = readSource('app')
  const filled = fillWish(wish, args)
  const files = {
    ...filled,
    'src/app.ts': addToApp(app, names, mountsOf(names, access)),
    ...(access.softDelete && {
      'src/tasks.ts': addPurgeToTasks(readSource('tasks')),
      'src/crons.ts': addPurgeToCrons(readSource('crons')),
    }),
    [FACTORIES]: addToFactories(await readIfThere(FACTORIES), filled[FACTORIES] ?? ''),
  }
  const formatted = Object.entries(files).map(
    async ([path, text]) => [path, await formatFile(ROOT, path, text)] as const,
  )
  return new Map(await Promise.all(formatted))
}

async function readIfThere(path: string): Promise<string> {
  const file = Bun.file(join(ROOT, path))
  return (await file.exists()) ? await file.text() : ''
}

/** Writes it all and generates the migration, and says each step: whoever sees an error sees how far it came. */
async function write(files: Map<string, string>, migration: string | undefined): Promise<void> {
  try {
    for (const [path, text] of files) {
      const file = join(ROOT, path)
      const change = existsSync(file) ? 'changed' : 'wrote  '
      mkdirSync(dirname(file), { recursive: true })
      writeFileSync(file, text)
      console.log(`${change} ${path}`)
    }
    if (migration === undefined) return
    const { generateMigration } = await import('./generate.ts')
    for (const path of await generateMigration(ROOT, migration)) console.log(`wrote   ${path}`)
  } catch (error) {
    console.error('\nOnly the files above were written. What went wrong then:')
    throw error
  }
}

/** `field bookings 'note:text?'`, and not a resource that is called so: `field title:string`. */
const isAboutFields = ([first, second = '']: string[]) => first === 'field' && !/[:(]/.test(second)

async function addFields(args: string[]): Promise<void> {
  const { positionals } = readArguments({}, Infinity, args)
  const [resource, ...specs] = positionals
  const { refuseUngenerated } = await import('./generate.ts')
  await refuseUngenerated(ROOT)
  const { planFields } = await import('./new/field.ts')
  const { merged, patches, migration, test } = await planFields(ROOT, resource, specs)
  await write(merged, migration)
  for (const [path, patch] of patches)
    console.log(`\n${path} is not as it was generated: do this by hand\n${patch}`)
  if (patches.size === 0) {
    console.log(
      `Its test: npm test -- ${test}. Where npm start runs: npm run migrate && npm run reload; where npm run dev does: npm run migrate`,
    )
    return
  }
  const then = migration === undefined ? `, then npm run generate -- --name what` : ''
  throw new Error(`The patches above are still to be made: ${[...patches.keys()].join(', ')}${then}`)
}

await runCommand(USAGE, async () => {
  const args = process.argv.slice(2)
  if (isAboutFields(args)) return addFields(args.slice(1))
  const wish = asUsage(() => readWish(ROOT, args))
  const { names, access } = wish
  // A setting that cannot be used is told before anything is written.
  const config = loadConfig({ ...process.env, ...OF_NO_MATTER })
  await write(await plan(wish, args), names.table)
  console.log(`
${routeOf(names, access)} is there. Its test: npm test -- test/${names.path}.test.ts
Try it in this folder. Where npm start runs, first: npm run migrate && npm run reload; where npm run dev does: npm run migrate
`)
  const { port } = readCurrentStatus() ?? config // of the npm start that runs, which another terminal may have given a PORT
  const { tryLines } = await import('./new/try.ts')
  for (const line of await tryLines(ROOT, wish, { ...config, port })) console.log(line)
})
