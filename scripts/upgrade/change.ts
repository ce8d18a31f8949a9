// One file that an upgrade changes, or would have changed.
import { chmodSync, cpSync, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

export interface Change {
  /** Below the root. */
  path: string
  what:
    | 'kit' // replaced, added or deleted with the kit
    | 'new'
    | 'taken' // the project had not changed it
    | 'merged' // both had
    | 'conflict' // both had, at the same place: somebody has to decide
    | 'deleted'
    | 'kept' // the release changes or deletes it, and the project's own choice stands
  /** What is written; neither of both: the file goes, or is kept as it is. */
  content?: string | Buffer
  /** Or the file that is copied, with its mode. */
  from?: string
  /** For whoever decides. */
  why?: string
}

export function carryOut(root: string, changes: Change[]): void {
  for (const { path, what, content, from } of changes) {
    const file = join(root, path)
    if (content === undefined && from === undefined) {
      if (what === 'kit' || what === 'deleted') rmSync(file, { force: true })
      continue
    }
    mkdirSync(dirname(file), { recursive: true })
    if (content !== undefined) writeFileSync(file, content)
    else if (from !== undefined) {
      cpSync(from, file)
      chmodSync(file, statSync(from).mode)
    }
  }
}

/** A line for each file, and one for the whole kit. */
export function describe(changes: Change[]): string {
  const kit = changes.filter(({ what }) => what === 'kit').length
  const yours = changes.filter(({ what }) => what !== 'kit')
  const lines = yours.map(({ path, what, why }) => `  ${what.padEnd(9)} ${path}${why ? `: ${why}` : ''}`)
  return [...(kit > 0 ? [`  kit       ${kit} files`] : []), ...lines].join('\n') || '  nothing differs'
}
