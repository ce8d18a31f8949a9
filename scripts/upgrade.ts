// Takes up a newer release: its kit, what changed in your files, its migrations. See scripts/upgrade/README.md.
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { readArguments, runCommand, UsageError } from './command.ts'
import { refuseUnsaved } from './git.ts'
import { madeFrom } from './kit-checksums.ts'
import { findTool, show } from './tool.ts'
import { unpack } from './upgrade/release.ts'

const ROOT = join(import.meta.dir, '..')

const USAGE = `Usage: npm run upgrade                       to the newest release of the package registry
       npm run upgrade -- --to 0.3.0         to that one
       npm run upgrade -- --from <file>      to that of a file: create-restbun-0.3.0.tgz
       --base <file>                         the release that the project stands on, if the registry does not have it
       --dry-run                             only says what would change
It leaves everything uncommitted: git reset --hard && git clean -fd undoes it.`

await runCommand(USAGE, async () => {
  const { to, from, base, 'dry-run': isDry } = readOptions()
  refuseUnsaved(ROOT, 'commit or stash them first')
  const standsOn = madeFrom(ROOT)
  if (standsOn === undefined && base === undefined) {
    throw new Error(
      'scripts/kit.sha256 does not say which release this project stands on: name the file of it by --base',
    )
  }
  const folder = mkdtempSync(join(tmpdir(), 'upgrade-'))
  try {
    const [old, newer] = [join(folder, 'base'), join(folder, 'newer')]
    const version = unpack(
      base === undefined ? { version: standsOn ?? '', isKnown: true } : { file: base },
      old,
    )
    if (standsOn !== undefined && standsOn !== version) {
      throw new Error(`The project stands on ${standsOn}, and --base names ${version}`)
    }
    const newVersion = unpack(
      from === undefined ? { version: to ?? 'latest', isKnown: false } : { file: from },
      newer,
    )
    if (Bun.semver.order(newVersion, version) <= 0) {
      return console.log(`The project stands on ${version}, and ${newVersion} is no later one: nothing to do`)
    }
    // Both find the packages of the project above them.
    symlinkSync(dirname(dirname(findTool(ROOT, 'oxfmt'))), join(folder, 'node_modules'))
    const apply = join(newer, 'scripts/upgrade/apply.ts')
    const args = [ROOT, old, newer, ...(isDry ? ['--dry-run'] : [])]
    if (!(await show(ROOT, process.execPath, '--no-env-file', apply, ...args)))
      throw new Error('\nThe upgrade is not done: what is left to do stands above')
  } finally {
    rmSync(folder, { recursive: true })
  }
})

function readOptions() {
  const text = { type: 'string' } as const
  const { values } = readArguments({ to: text, from: text, base: text, 'dry-run': { type: 'boolean' } })
  if (values.to !== undefined && values.from !== undefined) throw new UsageError('Either --to or --from')
  return values
}
