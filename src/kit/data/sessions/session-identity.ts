// Encodes and decodes an identity as it is stored in Redis: one JSON text.
import { z } from 'zod'
import type { Json } from '../../types/json.ts'
import type { Roles } from '../../types/roles.ts'
import type { Identity } from '../../types/sessions.ts'

/** The format for identities of accounts with these roles. */
export function identityFormat<Role extends string>({ names }: Pick<Roles<Role>, 'names'>) {
  /** In the field order of the stored text, which scripts compare. */
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
    /** An identity has exactly one text, because scripts compare texts. */
    encode: ({ userId, role, ip, agent, loginAt, sentAt, remember }: Identity<Role>): string =>
      JSON.stringify({ userId, role, ip, agent, loginAt, sentAt, remember } satisfies Identity<Role>),

    /** Null for anything else, such as an identity of an older version: it counts as no session. */
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
