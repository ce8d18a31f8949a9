// Merges package.json by its keys: npm runs nothing on one that git's markers stand in.
import { readManifest } from '../manifest.ts'
import type { Change } from './change.ts'
import { mergeKeys } from './merge-keys.ts'
import type { Sides } from './plan-files.ts'

/** Where both changed one key yours stays, and is named. */
export function planManifest({ root, base, newer }: Sides): Change[] {
  const [before, mine, after] = [base, root, newer].map(readManifest)
  const { merged, conflicts } = mergeKeys(before, mine, after)
  if (conflicts.length === 0 && Bun.deepEquals(merged, mine)) return []
  const path = 'package.json'
  const content = `${JSON.stringify(merged, null, 2)}\n`
  if (conflicts.length === 0) return [{ path, what: 'merged', content }]
  return [{ path, what: 'conflict', content, why: `yours is kept: ${conflicts.join(', ')}` }]
}
