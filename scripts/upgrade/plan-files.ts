// Finds what an upgrade makes of each file: the kit's are replaced, yours are merged three-way.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { listTracked } from '../git.ts'
import { isKit } from '../kit-folders.ts'
import type { Change } from './change.ts'

/** Taken from the release as a whole: then npm adds the packages that are yours. */
export const LOCKFILE = 'package-lock.json'

/** Merged in another way than by lines: by keys, by `npm run settings`, and as migrations of the project. */
const APART = /^(package\.json|\.env\.example|drizzle\/.*\.(sql|json))$/

export interface Sides {
  /** The project. */
  root: string
  /** The release that it was made from, and the new one: each made into the project as it was then. */
  base: string
  newer: string
}

/** What is to be done, by path. Nothing is changed yet. */
export function planFiles(sides: Sides): Change[] {
  const { root, base, newer } = sides
  const paths = new Set([...listTracked(root).filter(isKit), ...listFiles(base), ...listFiles(newer)])
  return [...paths].toSorted().flatMap((path) => {
    if (APART.test(path)) return []
    const [mine, before, after] = [root, base, newer].map((side) => read(side, path))
    if (same(mine, after)) return []
    const taken = after === undefined ? {} : { from: join(newer, path) }
    if (isKit(path)) return { path, what: 'kit', ...taken }
    if (same(before, after)) return []
    if (same(mine, before) || (mine !== undefined && path === LOCKFILE)) {
      const what = after === undefined ? 'deleted' : before === undefined ? 'new' : 'taken'
      return { path, what, ...taken }
    }
    return mergeFile(sides, path, { mine, before, after })
  })
}

/** Of an unpacked release. */
const listFiles = (root: string) => [...new Bun.Glob('**/*').scanSync({ cwd: root, dot: true })]

type Content = Buffer | undefined

const read = (root: string, path: string): Content =>
  existsSync(join(root, path)) ? readFileSync(join(root, path)) : undefined

const same = (one: Content, other: Content) => (one && other ? one.equals(other) : one === other)

/** What both have changed. What the project has deleted stays so, and what the release deletes stays where it was changed. */
function mergeFile(
  { root, base, newer }: Sides,
  path: string,
  { mine, before, after }: Record<'mine' | 'before' | 'after', Content>,
): Change {
  if (mine === undefined) return { path, what: 'kept', why: 'you deleted it, and the release changes it' }
  if (after === undefined) return { path, what: 'kept', why: 'you changed it, and the release deletes it' }
  const old = before === undefined ? '/dev/null' : join(base, path)
  const labels = ['yours', 'the old release', 'the new release'].flatMap((label) => ['-L', label])
  const files = [join(root, path), old, join(newer, path)]
  const { exitCode, stdout, stderr } = Bun.spawnSync(['git', 'merge-file', '-p', ...labels, ...files])
  // The exit code is the number of conflicts; a file that is no text has one of its own.
  if (exitCode > 127) return { path, what: 'conflict', why: `yours is kept: ${stderr.toString().trim()}` }
  return { path, what: exitCode === 0 ? 'merged' : 'conflict', content: stdout }
}
