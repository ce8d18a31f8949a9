// Finds the slice of a resource that another stands under or refers to, and what is to be known of it.
import { existsSync, readFileSync } from 'node:fs'
import { join, normalize } from 'node:path'
import { type Names, parseNames } from './names.ts'

export interface Slice {
  names: Names
  /** Who sees one: its owner, every account, or everybody. */
  seenBy: 'owner' | 'accounts' | 'everybody'
  /** Its rows are deleted with an account. */
  goesWithAccount: boolean
  /** What is deleted can be restored for a while. */
  isSoft: boolean
  /** Its rows refer to others, which `addCourt` of the factories makes. */
  needsOthers: boolean
}

/**
 * By the function with which its slice finds one; who sees it, by what its rule asks.
 * @param asked what names it, for messages: `--under court`
 * @throws Error if there is none, or its rows are not found by a `Scope` and an id alone
 */
export function findSlice(root: string, singular: string, asked: string): Slice {
  const { type } = parseNames(singular)
  const find = `find${type}`
  const declared = new RegExp(String.raw`function ${find}\(\s*(\w+): (\w+),`)
  for (const file of new Bun.Glob('src/*/queries.ts').scanSync(root)) {
    const text = readFileSync(join(root, file), 'utf8')
    const [, first, scope] = declared.exec(text) ?? []
    if (scope === undefined) continue
    if (first !== 'scope')
      throw new Error(
        `${asked}: ${find} in ${file} takes no Scope first, by which one is found where it may be seen: ` +
          'give it one, as the queries of npm run new have it',
      )
    if (scope !== 'Scope')
      throw new Error(
        `${asked}: that stands under something itself (${file}), and is found there alone: this command goes one level deep`,
      )
    const names = parseNames(singular, file.split('/')[1])
    // What can be restored has its rule before that, which `visible` asks.
    const [, asks = 'role'] =
      /\bvisible: Rule = \((?!scope\))([^)]*)\)/.exec(text) ?? /\bRule = \(([^)]*)\)/.exec(text) ?? []
    const seenBy = /\bme\b/.test(asks) ? 'owner' : asks === '' ? 'everybody' : 'accounts'
    const table = `src/${names.path}/table.ts`
    const factories = join(root, 'test/factories.ts')
    return {
      names,
      seenBy,
      goesWithAccount: goesWith(root, table),
      isSoft: readFileSync(join(root, table), 'utf8').includes('new SoftDelete('),
      needsOthers: existsSync(factories) && readFileSync(factories, 'utf8').includes(` function add${type}(`),
    }
  }
  throw new Error(
    `${asked}: there is no such resource, as no queries.ts of src has a ${find}(scope: Scope, id). ` +
      `Name one of them in lowercase, court; or make it first: npm run new -- ${singular} ...`,
  )
}

const CASCADE = /references\(\s*\(\)(?:: \w+)? => (\w+)\.\w+,\s*\{\s*onDelete: 'cascade'/g

/** Whether rows of a table are deleted with an account, directly or with what they belong to. */
function goesWith(root: string, file: string, behind: string[] = []): boolean {
  if (behind.includes(file)) return false
  const text = readFileSync(join(root, file), 'utf8')
  return [...text.matchAll(CASCADE)].some(([, table = '']) => {
    if (table === 'users') return true
    const [, from] = new RegExp(String.raw`import \{[^}]*\b${table}\b[^}]*\} from '([^']+)'`).exec(text) ?? []
    return from !== undefined && goesWith(root, normalize(join(file, '..', from)), [...behind, file])
  })
}
