// Gives the project a name of its own, and a README about itself: npm run rename -- myapp
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { readArguments, runCommand, UsageError } from './command.ts'
import { isKit } from './kit-folders.ts'
import { type Packages, refuseBadName } from './rename/name.ts'
import { show } from './tool.ts'

const ROOT = join(import.meta.dir, '..')

const USAGE = `Usage: npm run rename -- <name>
<name> takes lowercase letters, digits and single hyphens, a letter first: myapp, my-app`

const KIT = 'restbun'
const IN_JSON = /(?<=(?:^\{|"": \{)\s+"name": ")[^"]+/g

/** Where the name stands: in files that cannot read package.json, as all else does. */
const PLACES: Record<string, RegExp> = {
  'package.json': IN_JSON,
  'package-lock.json': IN_JSON,
  'compose.yaml': /(?<=^name: ).+/gm,
  Dockerfile: /(?<=image\.title=")[^"]+/g,
  'README.md': /(?<=^# ).+/g,
}

const advice = (old: string, name: string, left: string) => `
In README.md and package.json say what ${name} is. The word "${old}" is left in: ${left || 'no file'}.
LICENSE has to keep its line: add yours. Then: npm run check && npm test
The tests in test/ are yours; from now on those of the kit run by npm run test:kit

A deployment that runs already goes on with its sessions and jobs if it sets REDIS_PREFIX=${old}: and with the volumes of compose
if compose.yaml keeps \`name: ${old}\`. The embedded database of development is "${name}" now: what you had in .data/ stays in "${old}".`

await runCommand(USAGE, async () => {
  const [name] = readArguments({}, 1).positionals
  if (name === undefined) throw new UsageError('Which name?')
  const read = (path: string) => readFileSync(join(ROOT, path), 'utf8')
  const manifest = JSON.parse(read('package.json')) as Packages & { name: string }
  const { name: old } = manifest
  refuseBadName(name, manifest)
  if (name === old) throw new Error(`It is called "${name}" already`)

  // What somebody has written in its place stays.
  if (old === KIT && read('README.md').includes('The back end of a product, to fork'))
    writeFileSync(join(ROOT, 'README.md'), read('scripts/rename/readme.template'))
  for (const [path, place] of Object.entries(PLACES)) {
    if (!existsSync(join(ROOT, path))) continue
    const text = read(path).replaceAll(place, (word) => (word === old ? name : word))
    writeFileSync(join(ROOT, path), text)
    console.log(`changed ${path}`)
  }
  const settings = [process.execPath, '--no-env-file', join(ROOT, 'scripts/settings.ts')]
  if (!(await show(ROOT, ...settings)))
    throw new Error('.env.example still says the old name: npm run settings')

  const left = findLeft(old).filter((path) => !isKit(path))
  console.log(advice(old, name, left.join(', ')))
})

/** Where the old name is still a word; unknown where there is no git. */
function findLeft(old: string): string[] {
  if (Bun.which('git') === null) return []
  const { stdout } = Bun.spawnSync(['git', 'grep', '-lw', '--untracked', old], { cwd: ROOT })
  return stdout.toString().trim().split('\n')
}
