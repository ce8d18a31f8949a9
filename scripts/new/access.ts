// Whose the rows of a new resource are, who reads and writes them, and how: what its flags say.
import { isAdmin, type Role, ROLES, roles } from '../../src/account/roles.ts'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { RESERVED } from '../../src/kit/data/list.ts'
import { hint } from '../../src/kit/types/nearest.ts'
import { capital, type Names, parseNames } from './names.ts'

/** The resource that another stands under. */
export interface Parent {
  names: Names
  /** Who sees one: its owner, every account, or everybody. */
  seenBy: 'owner' | 'accounts' | 'everybody'
}

export interface Access {
  /** The rows belong to the account that made them; else they are shared by all. */
  owned: boolean
  /** Everybody reads them, visitors too. */
  publicRead: boolean
  /** The role that writing takes. */
  writer: Role
  /** What becomes of the rows of an account that is deleted. */
  onDelete: 'cascade' | 'set null'
  parent: Parent | undefined
  /** Many are created, and deleted, by one request. */
  bulk: boolean
  /** What is deleted can be restored for a while. */
  softDelete: boolean
  /** Each account has a list of what it has added, over all parents. */
  ownList: boolean
  /** What becomes of its rows when what they stand under is deleted; restrict: that is refused. */
  onParentDelete: 'cascade' | 'restrict'
}

/** What the regions of the template ask. */
export function wordsOf(access: Access): Record<string, boolean> {
  const { owned, publicRead, writer, onDelete, parent, bulk, softDelete, ownList, onParentDelete } = access
  const { seenBy = 'everybody' } = parent ?? {}
  // Who is not logged in sees nothing of what stands under what it does not see.
  const open = publicRead && seenBy === 'everybody'
  return {
    owned,
    shared: !owned,
    public: publicRead,
    private: !publicRead,
    open,
    login: !open,
    under: parent !== undefined,
    hidden: seenBy === 'owner', // from other accounts
    seen: seenBy !== 'owner',
    privileged: isAdmin(writer),
    cascade: onDelete === 'cascade',
    bulk,
    soft: softDelete,
    hard: !softDelete,
    ownlist: ownList,
    holding: onParentDelete === 'restrict',
  }
}

/** The path of its list. */
export const routeOf = ({ path }: Names, { parent }: Access): string =>
  parent === undefined ? `/api/${path}` : `/api/${parent.names.path}/:${parent.names.snake}/${path}`

/** Where each app of its routes.ts is mounted. */
export const mountsOf = (names: Names, access: Access): { route: string; name: string }[] => [
  { route: routeOf(names, access), name: names.many },
  ...(access.ownList ? [{ route: `/api/${names.path}`, name: `own${capital(names.many)}` }] : []),
]

/** The options of the command, as `parseArgs` takes them. */
export const ACCESS_OPTIONS = {
  shared: { type: 'boolean', default: false },
  'public-read': { type: 'boolean', default: false },
  role: { type: 'string', default: 'editor' },
  under: { type: 'string' },
  'on-delete': { type: 'string' },
  bulk: { type: 'boolean', default: false },
  'soft-delete': { type: 'boolean', default: false },
  'own-list': { type: 'boolean', default: false },
  'on-parent-delete': { type: 'string', default: 'cascade' },
} as const

export const ACCESS_USAGE = `Its rows are their owner's, the account that made them: other accounts find nothing of them, admins everything.
  --shared          they are everybody's: each account reads them, each editor changes them
  --public-read     everybody reads them, visitors too
  --role admin      writing takes this role; editor without it
  --under court     at /api/courts/:court/..., where one sees the court; they are deleted with it;
                    --on-parent-delete restrict: it is not deleted as long as it has some
  --own-list        with --under: GET /api/bookings lists what one has added, over all courts
  --on-delete ...   when their creator's account is deleted: cascade, they are, too (so it is of owned ones), or set-null, they
                    stay, for admins or for all (so it is of shared ones)
  --bulk            many are created, and deleted, by one request: all or none
  --soft-delete     what is deleted can be restored for 30 days; then a cron deletes it for good`

/** @throws Error that names the option, what is wrong with it and what is allowed */
export function readAccess(
  root: string,
  options: {
    shared: boolean
    'public-read': boolean
    role: string
    under?: string
    'on-delete'?: string
    bulk: boolean
    'soft-delete': boolean
    'own-list': boolean
    'on-parent-delete': string
  },
): Access {
  const { shared, role, under, 'on-delete': rule = shared ? 'set-null' : 'cascade' } = options
  const writer = ROLES.find((known) => known === role && !roles.isBarred(known))
  if (writer === undefined)
    throw new Error(`--role ${role}: there is no such role${hint(role, roles.admitted)}`)
  if (rule !== 'cascade' && rule !== 'set-null')
    throw new Error(`--on-delete is set-null or cascade, not ${rule}`)
  const ofParent = options['on-parent-delete']
  if (ofParent !== 'cascade' && ofParent !== 'restrict')
    throw new Error(`--on-parent-delete is cascade or restrict, not ${ofParent}`)
  if (options['own-list'] && under === undefined)
    throw new Error('--own-list is for --under: without it the list of all is the only one')
  return {
    owned: !shared,
    publicRead: options['public-read'],
    writer,
    onDelete: rule === 'cascade' ? rule : 'set null',
    parent: under === undefined ? undefined : findParent(root, under),
    bulk: options.bulk,
    softDelete: options['soft-delete'],
    ownList: options['own-list'],
    onParentDelete: ofParent,
  }
}

/** By the function with which its slice finds one; who sees it, by what its rule asks. */
function findParent(root: string, singular: string): Parent {
  const { snake, type } = parseNames(singular)
  if (RESERVED.includes(snake))
    throw new Error(`--under ${singular}: the query of its list has "${snake}" for something else`)
  const find = `find${type}`
  const declared = new RegExp(String.raw`function ${find}\(\s*(\w+): (\w+),`)
  for (const file of new Bun.Glob('src/*/queries.ts').scanSync(root)) {
    const text = readFileSync(join(root, file), 'utf8')
    const [, first, scope] = declared.exec(text) ?? []
    if (scope === undefined) continue
    if (first !== 'scope')
      throw new Error(
        `--under ${singular}: ${find} in ${file} takes no Scope first, by which one is found where it may be seen: ` +
          'give it one, as the queries of npm run new have it',
      )
    if (scope !== 'Scope')
      throw new Error(
        `--under ${singular}: that stands under something itself (${file}), and this command writes one level only`,
      )
    const names = parseNames(singular, file.split('/')[1])
    // What can be restored has its rule before that, which `visible` asks.
    const [, asks = 'role'] =
      /\bvisible: Rule = \((?!scope\))([^)]*)\)/.exec(text) ?? /\bRule = \(([^)]*)\)/.exec(text) ?? []
    const seenBy = /\bme\b/.test(asks) ? 'owner' : asks === '' ? 'everybody' : 'accounts'
    return { names, seenBy }
  }
  throw new Error(
    `--under ${singular}: there is no such resource, as no queries.ts of src has a ${find}(scope: Scope, id). ` +
      `Name one of them in lowercase, court; or make it first: npm run new -- ${singular} ...`,
  )
}
