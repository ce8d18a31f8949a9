// Makes a project of an unpacked release, in place: its name, without modules, and with a record of what it was made from.
//   bun scripts/create/make.ts film-club --without sample
// `npm create` runs it once. An upgrade runs that of the old release and that of the new one, and so finds what is yours.
import { cpSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { readArguments, runCommand } from '../command.ts'
import { writeChecksums } from '../kit-checksums.ts'
import { readManifest } from '../manifest.ts'
import { MODULES } from '../remove/modules.ts'
import { cutPage } from '../remove/page.ts'
import { removeModules } from '../remove/remove.ts'
import { run, runTool } from '../tool.ts'

const ROOT = join(import.meta.dir, '../..')

/** What stands at a project's top level and not at the kit's. */
const OWN_FILES = {
  editorconfig: '.editorconfig',
  'ci.yml': '.github/workflows/ci.yml',
  'dependabot.yml': '.github/dependabot.yml',
}

/** Where a project's own versions begin. */
const FIRST_VERSION = '0.1.0'

await runCommand('Usage: bun scripts/create/make.ts <name> [--without <module>,...]', async () => {
  const { values, positionals } = readArguments({ without: { type: 'string', default: '' } }, 1)
  const [name = ''] = positionals
  const release = readManifest(ROOT)
  if (name !== release.name) await run(ROOT, [process.execPath, 'scripts/rename.ts', name])
  // A module that this release does not have yet, or no longer, is as good as removed.
  const removed = values.without.split(',').filter((module) => Object.hasOwn(MODULES, module))
  // No database stands on it: the modules' tables are as if they had never been.
  await removeModules(ROOT, removed, { undeployed: true })

  edit('package.json', (manifest) => ({
    ...manifest,
    version: FIRST_VERSION,
    restbun: { removed: removed.toSorted() },
  }))
  edit('package-lock.json', ({ packages, ...lock }) => {
    const { '': own, ...others } = packages as Record<string, object>
    return {
      ...lock,
      version: FIRST_VERSION,
      packages: { '': { ...own, version: FIRST_VERSION }, ...others },
    }
  })
  await runTool(ROOT, 'oxfmt', ['package.json'])
  rmSync(join(ROOT, 'CHANGELOG.md')) // the kit's: the project begins its own
  rmSync(join(ROOT, 'src/TUTORIAL.md')) // it begins with `npm create`
  for (const page of ['README.md', 'src/README.md'])
    writeFileSync(join(ROOT, page), cutPage(readFileSync(join(ROOT, page), 'utf8'), /\bTUTORIAL\.md\b/))
  // From here on they are the project's.
  for (const [file, path] of Object.entries(OWN_FILES))
    cpSync(join(import.meta.dir, 'files', file), join(ROOT, path))
  writeChecksums(ROOT, release.version)
})

function edit(path: string, change: (json: Record<string, unknown>) => object): void {
  const file = join(ROOT, path)
  if (!existsSync(file)) return
  const json = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>
  writeFileSync(file, `${JSON.stringify(change(json), null, 2)}\n`)
}
