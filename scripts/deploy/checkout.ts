// What of this checkout goes to a server, and under which name.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { git, listKnown } from '../git.ts'

const ROOT = join(import.meta.dir, '../..')

/** Of no use there. */
const LEFT_OUT = /^(test|\.ci|scripts\/bench)\/|\.(md|png)$|^\.(dockerignore|gitignore|oxfmtrc|oxlintrc)/

/**
 * The files that git knows or would take, as they lie here: what .gitignore names (.env, node_modules) is not among them.
 * @throws Error if this is no git checkout
 */
export function filesToShip(): string[] {
  const files = listKnown(ROOT)
  if (files === undefined)
    throw new Error('A deploy ships what git knows, and git does not know this project')
  return files.filter((path) => !LEFT_OUT.test(path) && existsSync(join(ROOT, path)))
}

/** Sorts by time: 20261123T133300Z-009d007, or ...-dirty where something is not committed. */
export function releaseName(at: Date): string {
  const time = at.toISOString().replaceAll(/[-:]|\.\d+/g, '')
  const isDirty = git(ROOT, 'status', '--porcelain') !== ''
  return `${time}-${git(ROOT, 'rev-parse', '--short', 'HEAD')}${isDirty ? '-dirty' : ''}`
}
