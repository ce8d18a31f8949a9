// Deletes the movie sample and all that belongs to it, this command too: npm run eject-sample
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { asUsage, runCommand } from './command.ts'
import { forgetMigrations } from './eject-sample/migration.ts'
import { generateMigration, refuseUngenerated } from './generate.ts'
import { runTool } from './tool.ts'

const ROOT = join(import.meta.dir, '..')

const USAGE = `Usage: npm run eject-sample                   the table is dropped by a new migration: safe for every database
       npm run eject-sample -- --undeployed   no database is to be kept: the migrations that make it go, too
       --yes                                  even where git could not bring back what is deleted`

const DELETED = [
  'src/movies',
  'test/movies.test.ts',
  'test/movies-plans.test.ts',
  'test/seed.test.ts',
  'scripts/seed.ts',
  'scripts/seed',
  'scripts/bench.ts', // it compares servers of the sample
  'scripts/bench/http',
  'scripts/bench/scale', // the sample's table with a million rows
  'scripts/eject-sample.ts',
  'scripts/eject-sample',
  'test/slow/eject-sample.test.ts',
]

/** What is cut out of files that stay: whole lines, and in pages whole paragraphs. */
const CUTS: Record<string, RegExp[]> = {
  'src/app.ts': [/^import .* from '\.\/movies\/.*\n/gm, /^ *\.route\('\/api\/movies', movies\)\n/gm],
  'scripts/bench/reload/run.ts': [/, '\/api\/movies[^']*'/g],
  'test/slow/edge.test.ts': [/'movies', /g],
  'package.json': [/^ *"(seed|eject-sample|bench|bench:growth|bench:isolation)": .*\n/gm],
  'test/quick.sh': [/^.*\/api\/movies.*\n/gm, /, adds a movie, searches for it,(?= and asks)/g],
  'README.md': [/^ *movies\/ .*\n/gm, /, adds a movie, searches for it(?=, with curl)/g],
  'src/README.md': [/^\*\*(Fill|Delete|Open) the sample\b[^]*?\n\n/gm],
}

/** What still speaks of the sample where nothing should. */
const LEFT = /movie|scripts\/seed|\bseed\.ts\b/i
const SEARCHED = '{src,test,scripts}/**/*.{ts,tsx,mjs,sh,html}'

/** What is deleted should come back by `git checkout` if this was a mistake. */
function refuseUnsaved(): void {
  const paths = [...DELETED, ...Object.keys(CUTS), 'drizzle']
  const status = Bun.spawnSync(['git', 'status', '--porcelain', '--', ...paths], { cwd: ROOT })
  if (!status.success)
    throw new Error('This is no git checkout, and nothing would bring the files back: say --yes')
  const changed = status.stdout.toString().trimEnd()
  if (changed !== '') throw new Error(`These are not committed: commit them first, or say --yes\n${changed}`)
}

function cut(path: string): void {
  const file = join(ROOT, path)
  const before = readFileSync(file, 'utf8')
  const after = (CUTS[path] ?? []).reduce((text, pattern) => text.replaceAll(pattern, ''), before)
  if (after === before) return
  writeFileSync(file, after)
  console.log(`changed ${path}`)
}

function removeFiles(): void {
  for (const path of DELETED.filter((name) => existsSync(join(ROOT, name)))) {
    rmSync(join(ROOT, path), { recursive: true })
    console.log(`deleted ${path}`)
  }
}

/** `path:line: text` of everything that speaks of the sample. */
function findMentions(paths: Iterable<string>): string[] {
  return [...paths].toSorted().flatMap((path) =>
    readFileSync(join(ROOT, path), 'utf8')
      .split('\n')
      .flatMap((line, i) => (LEFT.test(line) ? `${path}:${i + 1}: ${line.trim()}` : [])),
  )
}

function readArguments() {
  const flag = { type: 'boolean', default: false } as const
  return asUsage(() => parseArgs({ options: { undeployed: flag, yes: flag } }).values)
}

await runCommand(USAGE, async () => {
  const { undeployed, yes } = readArguments()
  if (!yes) refuseUnsaved()
  await refuseUngenerated(ROOT)
  if (undeployed) for (const line of forgetMigrations(ROOT)) console.log(line)
  removeFiles()
  for (const path of Object.keys(CUTS)) cut(path)
  if (!undeployed) console.log(`wrote   ${await generateMigration(ROOT, 'drop_movies')}`)
  await runTool(
    ROOT,
    'oxfmt',
    Object.keys(CUTS).filter((path) => !path.endsWith('.sh')),
  )

  console.log(
    undeployed
      ? '\nA development database that has the table keeps it: delete .data/ to begin anew.'
      : '\nThe next `npm run migrate` or `npm start` drops the table and the movies in it.',
  )
  const inReadme = findMentions(['README.md', 'src/README.md'])
  if (inReadme.length > 0) console.log(`\nYours to rewrite:\n${inReadme.join('\n')}`)
  const left = findMentions(new Bun.Glob(SEARCHED).scanSync(ROOT))
  if (left.length > 0) {
    throw new Error(`\nThe sample is gone, but these still speak of it:\n${left.join('\n')}`)
  }
  console.log('\nNothing else speaks of it. Now: npm run check && npm test')
})
