// Holds all SQL about toy cars, and the rules whose they are.
import { and, eq, inArray, isNull, sql } from 'drizzle-orm'
import { findUser } from '../../../src/account/queries.ts'
import { isAdmin } from '../../../src/account/roles.ts'
import type { Rule, Scope } from '../../../src/account/scope.ts'
import { defineList } from '../../../src/kit/data/list.ts'
import { scoped } from '../../../src/kit/data/scope.ts'
import { isVersion, type Versions } from '../../../src/kit/data/version.ts'
import { assertReferences } from '../../../src/kit/http/references.ts'
import { findToyMaker } from './support/toy-makers/queries.ts'
// if src/files/table.ts
//| import { usableFile } from '../../../src/files/files.ts'
// end
import { deletedToyCars, publicToyCar, toyCars } from './table.ts'

const { columns } = publicToyCar

export type ToyCar = NonNullable<Awaited<ReturnType<typeof findToyCar>>>

/** What a client may set. */
export type ToyCarInput = Omit<
  typeof toyCars.$inferInsert,
  | 'id'
  // if under
  | 'toy_box'
  // end
  | 'creator'
  | 'created'
  | 'modified'
  | 'version'
  // if soft
  | 'deleted'
  // end
>

// if under
/** Who asks, and in which toy box. */
export interface ToyCarScope extends Scope {
  readonly toy_box: number
}

// end
// if owned private hard
//| /** Whose toy cars one sees and changes: one's own; an admin everyone's. */
//| const visible: Rule = ({ me, role }) => (isAdmin(role) ? undefined : eq(toyCars.creator, me))
// end
// if shared private hard
//| /** Which toy cars one sees and changes: an account all of them, a visitor none. */
//| const visible: Rule = ({ role }) => (role === null ? sql`false` : undefined)
// end
// if shared public hard
//| /** Which toy cars one sees and changes: all of them. */
//| const visible: Rule = () => undefined
// end
// if owned public hard
//| /** Which toy cars one sees: all of them. */
//| const visible: Rule = () => undefined
//|
//| /** Whose toy cars one changes: one's own; an admin everyone's. */
//| const changeable: Rule = ({ me, role }) => (isAdmin(role) ? undefined : eq(toyCars.creator, me))
// end
// if soft owned
/** Whose toy cars one changes, deleted or not: one's own; an admin everyone's. */
const whose: Rule = ({ me, role }) => (isAdmin(role) ? undefined : eq(toyCars.creator, me))
// end
// if soft shared
//| /** Which toy cars one changes, deleted or not: an account all of them, a visitor none. */
//| const whose: Rule = ({ role }) => (role === null ? sql`false` : undefined)
// end
// if soft

// end
// if soft private
/** Of these one sees what is not deleted: no query finds a deleted one but by `restorable`. */
const visible: Rule = (scope) => and(whose(scope), isNull(toyCars.deleted))
// end
// if soft public
//| /** One sees all that is not deleted: no query finds a deleted one but by `restorable`. */
//| const visible: Rule = () => isNull(toyCars.deleted)
// end
// if soft owned public
//|
//| const changeable: Rule = (scope) => and(whose(scope), visible(scope))
// end
// if soft

/** What is deleted, and whose days are not over. */
const restorable: Rule = (scope) => and(whose(scope), deletedToyCars.isRestorable())
// end

export const toyCarList = defineList(publicToyCar, {
  visible,
  // if soft
  deleted: restorable,
  // end
  // if under
  within: 'toy_box',
  // end
  // if sorted
  orders: ['$string', '$int', '$number', '$decimal', '$date', '$timestamp', '$time', '$email'],
  // end
  // if indexed
  filters: [
    'creator',
    '$string',
    '$int',
    '$number',
    '$decimal',
    '$bool',
    '$date',
    '$timestamp',
    '$time',
    '$uuid',
    '$email',
    '$enum',
    '$strings',
    '$ref',
    '$account',
  ],
  // else
  //| filters: ['creator'],
  // end
  // if searched
  search: ['$string', '$text', '$optional'],
  // end
})

// if ownlist
/** What an account has added, over all toy boxes. */
export const ownToyCarList = defineList(publicToyCar, {
  visible: (scope: Scope) => and(eq(toyCars.creator, scope.me), visible(scope)),
  filters: ['toy_box'],
})

// end
const byId = scoped(
  (scope: Scope) =>
    scope.db
      .select(columns)
      .from(toyCars)
      .where(
        and(
          eq(toyCars.id, sql.placeholder('id')),
          // if under
          eq(toyCars.toy_box, sql.placeholder('toy_box')),
          // end
          visible(scope),
        ),
      )
      .prepare('toy_car_by_id'),
  'fast',
)

/** Undefined if there is none, or none that the scope sees. */
export async function findToyCar(scope: ToyCarScope, id: number) {
  // if under
  const [toyCar] = await byId(scope, { id, toy_box: scope.toy_box })
  // else
  //| const [toyCar] = await byId(scope, { id })
  // end
  return toyCar
}

// if referring
// if filed
//| /**
//|  * What the input refers to has to be there, and for whoever asks. A whole body has the file that stands there already, whosever
//|  * it is. @throws foreignKeyViolation
//|  */
//| const assertFound = (scope: Scope, input: Partial<ToyCarInput>, now?: ToyCar) =>
// else
/** What the input refers to has to be there, and for whoever asks. @throws foreignKeyViolation */
const assertFound = (scope: Scope, input: Partial<ToyCarInput>) =>
  // end
  assertReferences(input, {
    $ref: (id) => findToyMaker(scope, id),
    $account: (id) => findUser(scope.db, id),
    // if src/files/table.ts
    //| $file: async (id) => (id === now?.$file ? now : usableFile(scope, 'image')(id)),
    // end
  })

// end
export async function createToyCar(scope: ToyCarScope, input: ToyCarInput): Promise<ToyCar> {
  // if referring
  await assertFound(scope, input)
  // end
  // if under
  const row = { ...input, toy_box: scope.toy_box, creator: scope.me }
  // else
  //| const row = { ...input, creator: scope.me }
  // end
  // if exclusive
  //| // Of many at once one would wait for another, and that for it. This waits before it writes; what is in its way is told below.
  //| const [first] = await scope.db.insert(toyCars).values(row).onConflictDoNothing().returning(columns)
  //| if (first !== undefined) return first
  // end
  const [toyCar] = await scope.db.insert(toyCars).values(row).returning(columns)
  if (toyCar === undefined) throw new Error('insert returned no row')
  return toyCar
}

// if bulk
/** In the order of the inputs, of which there is at least one. */
export async function createToyCars(scope: ToyCarScope, inputs: ToyCarInput[]): Promise<ToyCar[]> {
  // if referring
  for (const input of inputs) await assertFound(scope, input)
  // end
  // if under
  const rows = inputs.map((input) => ({ ...input, toy_box: scope.toy_box, creator: scope.me }))
  // else
  //| const rows = inputs.map((input) => ({ ...input, creator: scope.me }))
  // end
  return scope.db.insert(toyCars).values(rows).returning(columns)
}

// end
/** The toy car of that id, if the scope may change it and it is in one of these states. */
const one = (scope: ToyCarScope, id: number, versions?: Versions) =>
  and(
    eq(toyCars.id, id),
    isVersion(toyCars.version, versions),
    // if under
    eq(toyCars.toy_box, scope.toy_box),
    // end
    // if owned public
    //| changeable(scope),
    // else
    visible(scope),
    // end
  )

// if owned public
//| /** Undefined if there is none, or none that the scope may change. */
//| export async function findChangeableToyCar(scope: ToyCarScope, id: number) {
//|   const [toyCar] = await scope.db.select(columns).from(toyCars).where(one(scope, id))
//|   return toyCar
//| }
//|
// end
/** Changes the fields that the input names. Undefined if there is none, or none that the scope may change. */
export async function updateToyCar(
  scope: ToyCarScope,
  id: number,
  input: Partial<ToyCarInput>,
  versions?: Versions,
): Promise<ToyCar | undefined> {
  // if filed
  //| await assertFound(scope, input, await findToyCar(scope, id))
  // else
  // if referring
  await assertFound(scope, input)
  // end
  // end
  const isEmpty = Object.values(input).every((each) => each === undefined)
  const [toyCar] = await scope.db
    .update(toyCars)
    .set(isEmpty ? { version: toyCars.version } : { ...input, modified: sql`now()` })
    .where(one(scope, id, versions))
    .returning(columns)
  return toyCar
}

/** Deletes a toy car and returns it; undefined if there is none, or none that the scope may change. */
export async function deleteToyCar(
  scope: ToyCarScope,
  id: number,
  versions?: Versions,
): Promise<ToyCar | undefined> {
  const [toyCar] = await scope.db
    // if soft
    .update(toyCars)
    .set({ deleted: sql`now()` })
    // else
    //| .delete(toyCars)
    // end
    .where(one(scope, id, versions))
    .returning(columns)
  return toyCar
}
// if bulk

/** Deletes those of the toy cars that there are, and that the scope may change, and returns them. */
export async function deleteToyCars(scope: ToyCarScope, ids: number[]): Promise<ToyCar[]> {
  return (
    scope.db
      // if soft
      .update(toyCars)
      .set({ deleted: sql`now()` })
      // else
      //| .delete(toyCars)
      // end
      .where(
        and(
          inArray(toyCars.id, ids),
          // if under
          eq(toyCars.toy_box, scope.toy_box),
          // end
          // if owned public
          //| changeable(scope),
          // else
          visible(scope),
          // end
        ),
      )
      .returning(columns)
  )
}
// end
// if soft

/** Brings a deleted toy car back; undefined if there is none, or none that the scope may change. */
export async function restoreToyCar(scope: ToyCarScope, id: number): Promise<ToyCar | undefined> {
  const [toyCar] = await scope.db
    .update(toyCars)
    .set({ deleted: null })
    .where(
      and(
        eq(toyCars.id, id),
        // if under
        eq(toyCars.toy_box, scope.toy_box),
        // end
        restorable(scope),
      ),
    )
    .returning(columns)
  return toyCar
}
// end
