// An identity as it lies in Redis: one JSON text, and what is none counts as no session.
import { z } from 'zod'
import type { Json } from '../../types/json.ts'
import type { Roles } from '../../types/roles.ts'
import type { Identity } from '../../types/sessions.ts'

/** Writes and reads the identities of accounts with these roles. */
export function identityFormat<Role extends string>({ names }: Pick<Roles<Role>, 'names'>) {
  /** The order of the fields is that of the stored text, which scripts compare. */
  const StoredIdentity = z.object({
    userId: z.string(),
    role: z.enum(names),
    ip: z.string(),
    agent: z.string(),
    loginAt: z.number(),
    sentAt: z.number(),
    remember: z.boolean(),
  }) satisfies z.ZodType<Identity<Role>>

  return {
    /** One identity has one text: scripts compare texts. */
    encode: ({ userId, role, ip, agent, loginAt, sentAt, remember }: Identity<Role>): string =>
      JSON.stringify({ userId, role, ip, agent, loginAt, sentAt, remember } satisfies Identity<Role>),

    /** What is not an identity, of an older version for example, counts as no session. */
    decode: (text: string | null | undefined): Identity<Role> | null =>
      typeof text === 'string' ? (StoredIdentity.safeParse(parseJson(text)).data ?? null) : null,
  }
}

export function parseJson(text: string): Json | undefined {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
