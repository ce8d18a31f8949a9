// The modules that a project can go without, and the one place that takes them out of it.
import { join } from 'node:path'
import { run } from '../upgrade/programs.ts'

export const MODULES: readonly string[] = ['sample']

/** Takes modules out of a checkout that no database stands on yet: their tables are as if they had never been. */
export async function removeModules(root: string, names: string[]): Promise<void> {
  if (!names.includes('sample')) return
  await run(root, process.execPath, join('scripts', 'sample', 'eject.ts'), '--undeployed', '--yes')
}
