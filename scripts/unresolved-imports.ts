// Finds imports of what is not there in files that no type check covers, because their packages are not installed here.
import { readFileSync } from 'node:fs'
import { join, relative } from 'node:path'

/**
 * What such files import of this project, and that has no such file or export, one message each: file, line, what is wrong. The
 * bundler stops at the first file that it cannot bundle, so there may be more.
 * @param root the folder that holds tsconfig.json: its `exclude` says which files these are
 */
export async function findUnresolvedImports(root: string): Promise<string[]> {
  const { exclude } = JSON.parse(readFileSync(join(root, 'tsconfig.json'), 'utf8')) as { exclude: string[] }
  const entrypoints = exclude
    .flatMap((folder) => [...new Bun.Glob(`${folder}/**/*.ts`).scanSync({ cwd: root, absolute: true })])
    .filter((path) => !/\/node_modules\/|\.d\.ts$/.test(path))
  if (entrypoints.length === 0) return []
  const bundled = { entrypoints, target: 'bun', packages: 'external', splitting: true, throw: false } as const
  const { success, logs } = await Bun.build(bundled)
  if (success) return []
  return logs.map(({ position, message }) =>
    position ? `${relative(root, position.file)}:${position.line}: ${message}` : message,
  )
}
