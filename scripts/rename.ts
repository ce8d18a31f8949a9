// Gives the project another name, in every place that follows from it: npm run rename -- myapp
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { asUsage, runCommand } from './command.ts'
import { type Packages, refuseBadName } from './rename/name.ts'

const ROOT = join(import.meta.dir, '..')

const USAGE = `Usage: npm run rename -- <name>
<name> takes lowercase letters, digits and single hyphens, a letter first: myapp, my-app`

interface Manifest extends Packages {
  name: string
}

/**
 * What the name stands in, file by file: the text around it, so that another word of that spelling stays what it is.
 * The code itself reads package.json: database, Redis keys, mails and logs follow from there.
 */
const PLACES: Record<string, ((name: string) => string)[]> = {
  'package.json': [(name) => `\n  "name": "${name}",`],
  'package-lock.json': [
    (name) => `{\n  "name": "${name}",`,
    (name) => `"packages": {\n    "": {\n      "name": "${name}",`,
  ],
  'bun.lock': [(name) => `"": {\n      "name": "${name}",`],
  'README.md': [(name) => `# ${name}\n`],
  'src/README.md': [(name) => `from '${name}-client'`],
  '.env.example': [
    (name) => `:5432/${name}\n`,
    (name) => `REDIS_PREFIX=${name}:`,
    (name) => `MAIL_FROM=${name} <`,
  ],
  Dockerfile: [
    (name) => `-t ${name} `,
    (name) => `-t ${name}:debug`,
    (name) => `... ${name} bun`,
    (name) => `/tmp/${name}`,
    (name) => `.title="${name}"`,
  ],
  'compose.yaml': [
    (name) => `\nname: ${name}\n`,
    (name) => `image: ${name}\n`,
    (name) => `postgres://${name}:`,
    (name) => `:-${name}}`,
    (name) => `@postgres/${name}\n`,
    (name) => `{REDIS_PASSWORD:-${name}}`,
    (name) => `SERVICE: ${name} `,
    (name) => `--username=${name},`,
    (name) => `--dbname=${name}]`,
  ],
}

/** The lines that changed, `path:line` each. */
function replaceIn(path: string, from: string, to: string): string[] {
  const file = join(ROOT, path)
  if (!existsSync(file)) return []
  const before = readFileSync(file, 'utf8')
  const after = (PLACES[path] ?? []).reduce((text, place) => text.replaceAll(place(from), place(to)), before)
  if (after === before) return []
  writeFileSync(file, after)
  const old = before.split('\n')
  return after.split('\n').flatMap((line, i) => (line === old[i] ? [] : `${path}:${i + 1}: ${line.trim()}`))
}

/** Where the old name is still a word. */
function findRest(name: string): string[] {
  if (Bun.which('git') === null) return []
  const listed = Bun.spawnSync(['git', 'grep', '-lw', '--untracked', name], { cwd: ROOT })
  return listed.stdout.toString().split('\n').filter(Boolean)
}

function describeRest(old: string): string {
  const rest = findRest(old)
  const inner = rest.filter((path) => /^(scripts|test)\//.test(path))
  const outer = rest.filter((path) => !inner.includes(path))
  return (
    (outer.length > 0
      ? `\nThe word "${old}" is left in ${outer.join(', ')}. LICENSE has to keep its line: add yours.`
      : '') +
    (inner.length > 0 ? `\n${inner.length} files of scripts and test have it too, in what nobody sees.` : '')
  )
}

const advice = (old: string, name: string) => `${describeRest(old)}

What follows from the name by itself, unless settings say otherwise:
  REDIS_PREFIX  is "${name}:" now. A deployment that runs already goes on with its sessions and jobs
                only if it sets REDIS_PREFIX=${old}:
  MAIL_FROM     is "${name} <noreply@localhost>"
  Postgres      sees connections of "${name}"; the embedded database of development is "${name}":
                what you had in .data/ stays in the one called "${old}"
  syslog        gets lines of "${name}"
  compose       volumes begin with it: containers that run already keep theirs under \`name: ${old}\`
The session cookie is called "session" as before: nobody is logged out by it.
In package.json, description and version are yours to write. Then: npm run check && npm test
The tests in test/ are yours; from now on those of the kit run by npm run test:kit`

await runCommand(USAGE, async () => {
  const name = readArguments()
  const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as Manifest
  refuseBadName(name, manifest)
  if (name === manifest.name) throw new Error(`It is called "${name}" already`)
  for (const path of Object.keys(PLACES)) {
    for (const line of replaceIn(path, manifest.name, name)) console.log(line)
  }
  console.log(advice(manifest.name, name))
})

function readArguments(): string {
  return asUsage(() => {
    const { positionals } = parseArgs({ allowPositionals: true })
    const [name, ...more] = positionals
    if (name === undefined || more.length > 0) throw new Error('Which name?')
    return name
  })
}
