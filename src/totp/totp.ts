// Checks codes by an app (TOTP, RFC 6238), and the recovery codes for whoever has lost it.
import { and, eq, lt, sql } from 'drizzle-orm'
import { Secret, TOTP } from 'otpauth'
import { z } from 'zod'
import { FACTORS } from '../account/pages/paths.ts'
import type { AppContext } from '../account/product.ts'
import { SixDigits } from '../account/schema.ts'
import type { Factor, OwnFactor } from '../account/second-step.ts'
import { prepared } from '../kit/data/prepared.ts'
import type { Db } from '../kit/types/db.ts'
import type { Sealed } from '../kit/auth/sealed-columns.ts'
import { digestOfCode, isRecoveryCode } from './recovery-codes.ts'
import { totp as table, totpSeed } from './table.ts'

const PERIOD_S = 30
/** How many half minutes a clock may be wrong. */
const WINDOW = 1

const stepAt = (ms: number) => Math.floor(ms / 1000 / PERIOD_S)

/** The half minute of a code; undefined for a wrong one. */
export function stepOf(seed: string, code: string): number | undefined {
  const timestamp = Date.now()
  const secret = Secret.fromBase32(seed)
  const delta = TOTP.validate({ token: code, secret, window: WINDOW, timestamp })
  return delta === null ? undefined : stepAt(timestamp) + delta
}

export const isTheirs = (userId: string) => eq(table.user_id, userId)

const ofUser = prepared(
  (db) =>
    db
      .select()
      .from(table)
      .where(eq(table.user_id, sql.placeholder('id')))
      .prepare('totp_of_user'),
  'accounts',
)

/** What an account has, or undefined. */
export async function findTotp(db: Db, id: string) {
  const [row] = await ofUser(db).execute({ id })
  return row
}

/** What the link of a mail brings back. */
const Kept = z.object({
  seed: z.string(),
  recovery_codes: z.array(z.string()),
  created: z.coerce.date(),
  codes_made: z.coerce.date(),
})

export const totp: Factor = {
  answers: {
    totp: SixDigits.describe('The code that the app shows.'),
    recovery: z.string().max(100).describe('A recovery code; it counts once.'),
  },
  page: { path: `${FACTORS}/totp`, label: 'App' },

  async of(db, userId) {
    const row = await findTotp(db, userId)
    const own: OwnFactor[] = row === undefined ? [] : [{ name: 'totp', since: row.created }]
    return row?.recovery_codes.length ? [...own, { name: 'recovery', since: row.codes_made }] : own
  },

  nameOf: (typed) => (isRecoveryCode(typed) ? 'recovery' : 'totp'),

  async check({ var: { db, secrets } }: AppContext, { userId, name, answer }) {
    if (name === 'recovery') {
      const digest = await digestOfCode(String(answer))
      const used = await db
        .update(table)
        .set({ recovery_codes: sql`array_remove(${table.recovery_codes}, ${digest})` })
        .where(and(isTheirs(userId), sql`${digest} = any(${table.recovery_codes})`))
        .returning({ id: table.user_id })
      return used.length > 0
    }
    const { data: code } = SixDigits.safeParse(answer)
    const row = code === undefined ? undefined : await findTotp(db, userId)
    if (row === undefined || code === undefined) return false
    const step = stepOf(await totpSeed.open(secrets, userId, row.seed), code)
    if (step === undefined) return false
    const counted = await db
      .update(table)
      .set({ last_step: step })
      .where(and(isTheirs(userId), lt(table.last_step, step)))
      .returning({ id: table.user_id })
    return counted.length > 0
  },

  async undo(tx, userId, change) {
    const { data: kept } = Kept.safeParse(change)
    await tx.delete(table).where(isTheirs(userId))
    if (kept === undefined) return
    const row = { ...kept, user_id: userId, seed: kept.seed as Sealed, last_step: stepAt(Date.now()) }
    await tx.insert(table).values(row)
  },

  async removeAll(tx, userId) {
    await tx.delete(table).where(isTheirs(userId))
  },
}
