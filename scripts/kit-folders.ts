// The kit's folders: no command edits a file in them, a fork does not either, and an upgrade replaces each of them whole.
import { cpSync, rmSync } from 'node:fs'
import { join } from 'node:path'

/** Below the root of a checkout; all else is the project's own. */
export const KIT_FOLDERS = ['src/kit', 'test/kit', 'test/slow', 'scripts']

/**
 * What the project has for itself inside of them: the sample's part, which goes with the sample, commands of its own, and the
 * slice that `npm run new` makes resources of.
 */
const OWN_FOLDERS = ['sample', 'own', 'template']

/** @param path below the root: `scripts/new.ts` is the kit's, `scripts/own/import.ts` is not */
export function isKit(path: string): boolean {
  return (
    KIT_FOLDERS.some((folder) => path.startsWith(`${folder}/`)) &&
    !path.split('/').some((part) => OWN_FOLDERS.includes(part))
  )
}

/** Replaces the kit of one checkout by the kit of another. What git does not track stays. */
export function replaceKit(root: string, newer: string): void {
  for (const path of kitFiles(root)) rmSync(join(root, path), { force: true })
  for (const path of kitFiles(newer)) cpSync(join(newer, path), join(root, path))
}

function kitFiles(root: string): string[] {
  const { success, stdout, stderr } = Bun.spawnSync(['git', 'ls-files', '-z', '--', ...KIT_FOLDERS], {
    cwd: root,
  })
  if (!success) throw new Error(`The files of ${root} cannot be listed: ${stderr.toString()}`)
  return stdout.toString().split('\0').filter(isKit)
}
