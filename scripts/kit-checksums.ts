// Checksums of the kit's files as the release had them: what differs from them was edited in the project.
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { listKit } from './kit-folders.ts'

/** The package that makes projects, and holds the release. */
export const PACKAGE = 'create-restbun'

/** Read by `sha256sum --check` too. The first line names the release that the kit is of. */
const CHECKSUMS = 'scripts/kit.sha256'
const FIRST_LINE = /^# restbun (\S+)\n/
const SUM_LENGTH = 64

/** Itself, the reference that `npm run settings` writes, and what is installed or built in between. */
const LEFT_OUT = /^scripts\/kit\.sha256$|^src\/kit\/config\/README\.md$|\/(node_modules|\.bundle-[^/]*)\//

const listChecked = (root: string) => listKit(root).filter((path) => !LEFT_OUT.test(path))

/** @param root an unpacked release that becomes a project */
export function writeChecksums(root: string, version: string): void {
  const lines = listChecked(root).map((path) => `${checksum(root, path)}  ${path}\n`)
  writeFileSync(join(root, CHECKSUMS), `# restbun ${version}\n${lines.join('')}`)
}

/** The release that the project's kit is of. Undefined in the kit's own repository, and in a project that owns all. */
export function madeFrom(root: string): string | undefined {
  const file = join(root, CHECKSUMS)
  return existsSync(file) ? FIRST_LINE.exec(readFileSync(file, 'utf8'))?.[1] : undefined
}

/**
 * The kit's files that are not as they came, and those that were added; none if nothing is recorded. An absent one does not
 * count: an image has no tests, and a removed module took its own along.
 */
export function findEdited(root: string): string[] {
  if (madeFrom(root) === undefined) return []
  const lines = readFileSync(join(root, CHECKSUMS), 'utf8').trim().split('\n').slice(1)
  const sums = new Map(lines.map((line) => [line.slice(SUM_LENGTH + 2), line.slice(0, SUM_LENGTH)]))
  return listChecked(root).filter((path) => checksum(root, path) !== sums.get(path))
}

const checksum = (root: string, path: string) =>
  createHash('sha256')
    .update(readFileSync(join(root, path)))
    .digest('hex')
