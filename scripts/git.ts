// Asks git about a checkout: what it knows, and what is not committed.

/** @returns what git printed. @throws Error with git's own word if it fails */
export function git(root: string, ...args: string[]): string {
  const { success, stdout, stderr } = Bun.spawnSync(['git', ...args], { cwd: root })
  if (!success) throw new Error(`git ${args[0]} in ${root}: ${stderr.toString().trim()}`)
  return stdout.toString().trimEnd()
}

/**
 * For a command that changes the project, so that git can bring back what was there.
 * @param advice what to do about it
 * @throws Error with what is not committed, or if git does not know the project: an outer repository that ignores it says
 *   that nothing has changed
 */
export function refuseUnsaved(root: string, advice: string): void {
  if (!isKnown(root))
    throw new Error('git does not know this project, and could bring nothing back: git init, and commit it')
  const unsaved = git(root, 'status', '--porcelain', '--untracked-files=all', '--', '.', ':!node_modules')
  if (unsaved !== '') throw new Error(`These are not committed: ${advice}\n${unsaved}`)
}

/** The project's files but those that git ignores. Undefined if git does not know the project. */
export const listKnown = (root: string): string[] | undefined =>
  isKnown(root) ? listTracked(root, '--others', '--exclude-standard') : undefined

/** @param options of `git ls-files`, for more than what is tracked */
export const listTracked = (root: string, ...options: string[]): string[] =>
  git(root, 'ls-files', '-z', '--cached', ...options)
    .split('\0')
    .filter(Boolean)

const isKnown = (root: string) =>
  Bun.which('git') !== null &&
  Bun.spawnSync(['git', 'ls-files', '--error-unmatch', 'package.json'], { cwd: root }).success
