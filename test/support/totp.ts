// Accounts with an app for codes, as tests need them.
import { eq } from 'drizzle-orm'
import { Secret, TOTP } from 'otpauth'
import { users } from '../../src/account/table.ts'
import { totp } from '../../src/totp/table.ts'
import type { Client } from '../kit/support/client.ts'
import type { Role } from '../../src/account/roles.ts'
import type { TestApp } from './harness.ts'

/** The code of a seed; `steps` half minutes later. */
export const codeOf = (secret: string, steps = 0): string =>
  new TOTP({ secret: Secret.fromBase32(secret) }).generate({ timestamp: Date.now() + steps * 30_000 })

/** Another than those that count now. */
export function wrongCode(secret: string): string {
  const right = [-2, -1, 0, 1, 2].map((steps) => codeOf(secret, steps))
  return (
    ['000000', '111111', '222222', '333333', '444444', '555555'].find((code) => !right.includes(code)) ?? ''
  )
}

export const verifyEmail = (app: TestApp, id: string) =>
  app.deps.db.update(users).set({ email_proof: 'mail' }).where(eq(users.id, id))

/** Codes of before count again: a test does not wait for the next half minute. */
export const forgetCodes = (app: TestApp, id: string) =>
  app.deps.db.update(totp).set({ last_step: 0 }).where(eq(totp.user_id, id))

/** Adds an app to the account of a client with a fresh login, and returns the seed and the recovery codes. */
export async function addTotp(client: Client) {
  const begun = await client.post('/api/me/factors/totp')
  if (begun.status !== 200) throw new Error(`no seed: ${begun.text}`)
  const { secret } = begun.body as { secret: string }
  const added = await client.post('/api/me/factors/totp/confirm', { totp: codeOf(secret) })
  if (added.status !== 200) throw new Error(`not added: ${added.text}`)
  return { secret, recovery: added.body.recovery_codes as string[] }
}

/** A client that is logged in, whose account has an app. */
export async function memberWithTotp(app: TestApp & { member: TestApp['member'] }, role?: Role) {
  const member = await app.member(role)
  const { id } = member.user
  await verifyEmail(app, id)
  const { secret, recovery } = await addTotp(member)
  await forgetCodes(app, id)
  const { email, password } = member.account
  return {
    member,
    id,
    email,
    password,
    secret,
    recovery,
    /** A code that counts. */
    async code() {
      await forgetCodes(app, id)
      return codeOf(secret)
    },
  }
}

export type Owner = Awaited<ReturnType<typeof memberWithTotp>>

/** What the right password is answered: the challenge. */
export async function challengeFor(
  client: Client,
  { email, password }: Pick<Owner, 'email' | 'password'>,
  more = {},
) {
  const reply = await client.post('/api/login', { email, password, ...more })
  if (reply.body?.code !== 'second_factor_required') throw new Error(`no challenge: ${reply.text}`)
  return reply.body.challenge as string
}
