// Makes a new resource: its slice in src, its test, its line in app.ts and its migration.
//   npm run new -- book title:string author:string year:int?
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { asUsage, readArguments, runCommand } from './command.ts'
import { generateMigration, refuseUngenerated } from './generate.ts'
import { refuseCollisions } from './new/collisions.ts'
import { type Field, parseFields, typesUsage } from './new/fields.ts'
import { type Names, parseNames } from './new/names.ts'
import { FACTORIES, fillTemplate } from './new/template.ts'
import { addToApp, addToFactories } from './new/wire.ts'
import { runTool } from './tool.ts'

const ROOT = join(import.meta.dir, '..')

const ON_DELETE = ['set null', 'cascade']

const USAGE = `Usage: npm run new -- <name> <field>:<type>[?][:unique] ... [--plural <name>] [--on-delete <rule>]
       npm run new -- book title:string isbn:string:unique 'year:int?' 'genre:enum(novel|poem)?'
       npm run new -- person name:string --plural people
<name> is one of them, in lowercase: book, book-review. ? makes a field optional.
${typesUsage}
Every resource also has id, creator (the account that added it), created and modified. When that account is deleted, by
--on-delete set-null (the default) its rows stay, without creator; by --on-delete cascade they are deleted, too.`

/** By path, everything that is going to be written, formatted. Nothing has been written when it throws. */
async function plan(names: Names, fields: Field[], onDelete: string): Promise<Map<string, string>> {
  refuseCollisions(ROOT, names, fields)
  await refuseUngenerated(ROOT)
  const app = readFileSync(join(ROOT, 'src/app.ts'), 'utf8')
  const filled = fillTemplate(names, fields, onDelete)
  const files = {
    ...filled,
    'src/app.ts': addToApp(app, names),
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
    const { values, positionals } = readArguments(
      { plural: { type: 'string' }, 'on-delete': { type: 'string', default: 'set-null' } },
      Infinity,
    )
    const [name, ...specs] = positionals
    if (name === undefined) throw new Error('Which resource?')
    const names = parseNames(name, values.plural)
    const onDelete = values['on-delete'].replace('-', ' ')
    if (!ON_DELETE.includes(onDelete))
      throw new Error(`--on-delete is set-null or cascade, not ${values['on-delete']}`)
    return { names, fields: parseFields(specs, names.snake), onDelete }
  })
}

await runCommand(USAGE, async () => {
  const { names, fields, onDelete } = readWish()
  await write(await plan(names, fields, onDelete), names)
  console.log(
    `\n/api/${names.path} is there; its table comes by the next \`npm run migrate\` or \`npm start\`. ` +
      'An `npm start` that runs takes both up by `npm run migrate` and then `npm run reload`.',
  )
  console.log(`Try it: npm test -- test/${names.path}.test.ts`)
})
