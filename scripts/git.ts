// Asks git what is not committed, so that a command which changes the project can be undone.

/**
 * @returns what is not committed, a line each; empty if nothing is
 * @throws Error if git does not know the project: an outer repository that ignores it says that nothing has changed
 */
export function findUnsaved(root: string): string {
  if (!isKnown(root))
    throw new Error('git does not know this project, and could bring nothing back: git init, and commit it')
  const status = git(root, 'status', '--porcelain', '--untracked-files=all', '--', '.', ':!node_modules')
  if (!status.success) throw new Error(`git status: ${status.stderr.toString().trim()}`)
  return status.stdout.toString().trimEnd()
}

/** The project's files but those that git ignores. Undefined if git does not know the project. */
export function listKnown(root: string): string[] | undefined {
  if (!isKnown(root)) return undefined
  const listed = git(root, 'ls-files', '-z', '--cached', '--others', '--exclude-standard')
  return listed.stdout.toString().split('\0').filter(Boolean)
}

const isKnown = (root: string) =>
  Bun.which('git') !== null && git(root, 'ls-files', '--error-unmatch', 'package.json').success

const git = (root: string, ...args: string[]) => Bun.spawnSync(['git', ...args], { cwd: root })
