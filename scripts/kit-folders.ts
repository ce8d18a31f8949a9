// The kit's folders: no command edits a file in them, a fork does not either, and an upgrade replaces each of them whole.

/** Below the root of a checkout; all else is the project's own. */
const KIT_FOLDERS = ['src/kit', 'test/kit', 'test/slow', 'scripts']

/** It tells of the kit's versions. */
const KIT_PAGE = 'UPGRADING.md'

/**
 * What the project has for itself inside of them: the sample's part, which goes with the sample, commands of its own, and the
 * slice that `npm run new` makes resources of.
 */
const OWN_FOLDERS = ['sample', 'own', 'template']

/** The kit's files in a checkout, or in a folder that is none. */
export function listKit(root: string): string[] {
  const patterns = [KIT_PAGE, ...KIT_FOLDERS.map((folder) => `${folder}/**/*`)]
  const found = patterns.flatMap((pattern) => [...new Bun.Glob(pattern).scanSync({ cwd: root, dot: true })])
  return found.filter(isKit).toSorted()
}

/** @param path below the root: `scripts/new.ts` is the kit's, `scripts/own/import.ts` is not */
export function isKit(path: string): boolean {
  return (
    path === KIT_PAGE ||
    (KIT_FOLDERS.some((folder) => path.startsWith(`${folder}/`)) &&
      !path.split('/').some((part) => OWN_FOLDERS.includes(part)))
  )
}
