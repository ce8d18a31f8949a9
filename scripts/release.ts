// Makes a release, once all that it stands on is checked: a commit and a tag of the version, and the package to publish.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { readArguments, runCommand, UsageError } from './command.ts'
import { git, refuseUnsaved } from './git.ts'
import { madeFrom } from './kit-checksums.ts'
import { readManifest } from './manifest.ts'
import { packRelease } from './release/pack.ts'
import { show } from './tool.ts'
import { notesOf } from './upgrade/notes.ts'

const ROOT = join(import.meta.dir, '..')
const OUT = join(ROOT, '.data/releases')

const USAGE = `Usage: npm run release -- <version>
CHANGELOG.md and UPGRADING.md have a section of that version ("## 0.2.0"), and everything is committed. It runs the check, the
tests and the test of upgrades, commits and tags the version, and writes the package to .data/releases. It publishes nothing.`

const VERSION = /^\d+\.\d+\.\d+(-[a-z]+\.\d+)?$/
/** What `npm version` changes. */
const BUMPED = ['package.json', 'package-lock.json']
const LANES = [['check'], ['test'], ['test', '--', 'test/slow/upgrade.test.ts']]

await runCommand(USAGE, async () => {
  const version = readVersion()
  refuseUnready(version)
  const isBumped = version !== readManifest(ROOT).version
  try {
    // Before the tests: what they pass on is what is released.
    if (isBumped) await runLane('npm', 'version', version, '--no-git-tag-version')
    for (const lane of LANES) await runLane('npm', 'run', ...lane)
    const meanwhile = git(ROOT, 'status', '--porcelain', '--', '.', ...BUMPED.map((path) => `:!${path}`))
    if (meanwhile !== '') {
      throw new Error(
        `These have changed while the tests ran, which know nothing of it: nothing is released\n${meanwhile}`,
      )
    }
  } catch (error) {
    git(ROOT, 'checkout', '--', ...BUMPED)
    throw error
  }
  if (isBumped) git(ROOT, 'commit', '--quiet', '-m', `Version ${version}`, '--', ...BUMPED)
  const file = await packRelease(ROOT, OUT)
  git(ROOT, 'tag', '--annotate', '-m', `Version ${version}`, `v${version}`)
  console.log(
    `\nReleased: the tag v${version}, and ${file}\nTo publish it: git push --follow-tags && npm publish ${version.includes('-') ? '--tag next ' : ''}'${file}'`,
  )
})

function readVersion(): string {
  const [version = ''] = readArguments({}, 1).positionals
  if (!VERSION.test(version)) throw new UsageError('Which version? 0.2.0, or 0.2.0-beta.1')
  return version
}

/** @throws Error if anything is missing, before anything is changed */
function refuseUnready(version: string): void {
  if (madeFrom(ROOT) !== undefined)
    throw new Error('This project was made from a release: releases are made of the kit itself')
  refuseUnsaved(ROOT, 'commit or stash them first')
  const { version: current } = readManifest(ROOT)
  if (Bun.semver.order(version, current) < 0) throw new Error(`package.json says ${current} already`)
  if (git(ROOT, 'tag', '--list', `v${version}`) !== '')
    throw new Error(`There is a tag v${version}: a release is made once`)
  for (const page of ['CHANGELOG.md', 'UPGRADING.md']) {
    if (notesOf(readFileSync(join(ROOT, page), 'utf8'), version) !== undefined) continue
    throw new Error(`${page} has no section "## ${version}": say what changes, or that nothing does`)
  }
}

async function runLane(...command: string[]): Promise<void> {
  if (await show(ROOT, ...command)) return
  throw new Error(`${command.join(' ')} failed: nothing is released, and nothing has changed`)
}
