// Merges JSON three-way by its keys: package.json, where a merge of lines would leave no JSON, and the snapshots of migrations.

type Json = unknown
type Keys = Record<string, Json>

/**
 * What one side alone changed is taken; an absent key is a value too. Where both changed one value in different ways
 * `ours` stays.
 * @returns the merged value, and the paths of the values that both changed: `dependencies.zod`
 */
export function mergeKeys(base: Json, ours: Json, theirs: Json): { merged: Json; conflicts: string[] } {
  const conflicts: string[] = []
  return { merged: merge(base, ours, theirs, []), conflicts }

  function merge(before: Json, mine: Json, other: Json, path: string[]): Json {
    if (Bun.deepEquals(before, other) || Bun.deepEquals(mine, other)) return mine
    if (Bun.deepEquals(before, mine)) return other
    if (!isKeys(mine) || !isKeys(other)) {
      conflicts.push(path.join('.'))
      return mine
    }
    const from = isKeys(before) ? before : {}
    const keys = new Set([...Object.keys(mine), ...Object.keys(other)])
    const values = [...keys].map((key) => [key, merge(from[key], mine[key], other[key], [...path, key])])
    return Object.fromEntries(values.filter(([, value]) => value !== undefined))
  }
}

const isKeys = (value: Json): value is Keys =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
