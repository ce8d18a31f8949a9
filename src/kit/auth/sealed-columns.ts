// Declares columns whose texts are encrypted, and encrypts them anew when the key changes.
import { and, eq, getTableColumns, getTableName, sql } from 'drizzle-orm'
import { text, type PgColumn } from 'drizzle-orm/pg-core'
import { isAt, keyOf, pagesByKey } from '../data/pages-by-key.ts'
import type { KitDeps } from '../deps.ts'
import type { Secrets } from '../types/secrets.ts'

declare const SEALED: unique symbol
/** The text of a sealed column; a plain text does not compile there. */
export type Sealed = string & { readonly [SEALED]: true }

/** A column of sealed texts, which a `SealedColumn` declares. */
export const sealedText = () => text().$type<Sealed>()

/**
 * Declares a `sealedText` column, and seals and opens its texts. Export it from `table.ts`: there the rotation finds it.
 * `owner` is the column of the account, or of another row, to which a text is bound; `purpose` a word for good: what was
 * sealed for another one does not open.
 */
export class SealedColumn {
  constructor(
    readonly column: PgColumn & { _: { data: Sealed } },
    readonly binding: { owner: PgColumn; purpose: string },
  ) {}

  seal(secrets: Secrets, ownerId: string, plain: string): Promise<Sealed> {
    return secrets.seal(this.binding.purpose, ownerId, plain) as Promise<Sealed>
  }

  /** @throws Error as `open` of `Secrets` does */
  open(secrets: Secrets, ownerId: string, sealed: Sealed): Promise<string> {
    return secrets.open(this.binding.purpose, ownerId, sealed)
  }
}

/**
 * Seals with the first key all that others have sealed, in every declared column. The service may run meanwhile: what it
 * writes is not overwritten. Broken half way, it can be run again.
 * @param schema the exports of all table files
 * @returns for each column how many were sealed anew, how many are `left`, and `why` one of those does not open
 */
export async function rotateSealed(deps: Pick<KitDeps, 'db' | 'secrets'>, schema: Record<string, unknown>) {
  const done: Awaited<ReturnType<typeof rotate>>[] = []
  for (const each of Object.values(schema)) {
    if (each instanceof SealedColumn) done.push(await rotate(deps, each))
  }
  return done
}

async function rotate({ db, secrets }: Pick<KitDeps, 'db' | 'secrets'>, sealed: SealedColumn) {
  const { column, binding } = sealed
  const { table } = column
  const [field = ''] = Object.entries(getTableColumns(table)).find(([, each]) => each === column) ?? []
  const key = keyOf(table)
  const prefix = await secrets.prefix()
  const isOlder = sql`left(${column}, ${prefix.length}) <> ${prefix}`
  const columns = { ownerId: sql`${binding.owner}::text`, was: column }
  let rotated = 0
  let why: string | undefined
  for await (const page of pagesByKey(db, { table, columns, key, where: isOlder })) {
    for (const { row, at } of page) {
      const { ownerId, was } = row as { ownerId: string; was: Sealed }
      const plain = await sealed
        .open(secrets, ownerId, was)
        .catch((error: Error) => void (why = error.message))
      if (plain === undefined) continue
      const now = await sealed.seal(secrets, ownerId, plain)
      const swap = db
        .update(table)
        .set({ [field]: now })
        .where(and(isAt(key, at), eq(column, was)))
      rotated += (await swap.returning(columns)).length
    }
  }
  return {
    name: `${getTableName(table)}.${column.name}`,
    rotated,
    left: await db.$count(table, isOlder),
    why,
  }
}
