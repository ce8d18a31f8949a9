// Whose the rows of a new resource are, who reads and writes them, and how: what its flags say.
import { isAdmin, type Role, ROLES, roles } from '../../src/account/roles.ts'
import { RESERVED } from '../../src/kit/data/list.ts'
import { hint } from '../../src/kit/types/nearest.ts'
import type { readArguments } from '../command.ts'
import { capital, type Names, parseNames } from './names.ts'
import { findSlice, type Slice } from './slices.ts'

/** The resource that another stands under. */
export type Parent = Pick<Slice, 'names' | 'seenBy' | 'needsOthers'>

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
    apart: parent !== undefined || softDelete, // from foreign keys: indexes of lists begin otherwise, or leave rows out
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

type AccessOptions = ReturnType<typeof readArguments<typeof ACCESS_OPTIONS>>['values']

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
export function readAccess(root: string, options: AccessOptions): Access {
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
  const parent = under === undefined ? undefined : findParent(root, under)
  if (ofParent === 'restrict') refuseHolding(parent)
  return {
    owned: !shared,
    publicRead: options['public-read'],
    writer,
    onDelete: rule === 'cascade' ? rule : 'set null',
    parent,
    bulk: options.bulk,
    softDelete: options['soft-delete'],
    ownList: options['own-list'],
    onParentDelete: ofParent,
  }
}

/** @throws Error */
function findParent(root: string, singular: string): Slice {
  const asked = `--under ${singular}`
  const { snake } = parseNames(singular)
  if (RESERVED.includes(snake))
    throw new Error(`${asked}: the query of its list has "${snake}" for something else`)
  return findSlice(root, singular, asked)
}

/** @throws Error */
function refuseHolding(parent: Slice | undefined): void {
  const asked = '--on-parent-delete restrict'
  if (parent === undefined) throw new Error(`${asked} is for --under`)
  const { spokenMany } = parent.names
  if (parent.goesWithAccount)
    throw new Error(
      `${asked}: ${spokenMany} go with the account that they belong to, which can always be deleted: leave it out`,
    )
  if (parent.isSoft)
    throw new Error(
      `${asked}: ${spokenMany} that are deleted are there until they are purged, so nothing would be refused: leave it out`,
    )
}
