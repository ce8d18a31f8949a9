// Encodes and decodes an identity as it is stored in Redis: one JSON text.
import { z } from 'zod'
import type { Json } from '../../types/json.ts'
import type { Identity } from '../../types/sessions.ts'

/** In the field order of the stored text. The role may be one of a newer release: `open` admits only those it knows. */
const StoredIdentity = z.object({
  userId: z.string(),
  role: z.string(),
  ip: z.string(),
  agent: z.string(),
  loginAt: z.number(),
  sentAt: z.number(),
  remember: z.boolean(),
  provenAt: z.number().optional(),
}) satisfies z.ZodType<Identity>

/**
 * An identity has exactly one text, because scripts compare texts. Without `provenAt` it is that of releases before it,
 * which write sessions without; where one loses it so, the login counts again.
 */
export const encode = ({ userId, role, ip, agent, loginAt, sentAt, remember, provenAt }: Identity): string =>
  JSON.stringify({ userId, role, ip, agent, loginAt, sentAt, remember, provenAt } satisfies Identity)

/** Null for anything else, such as an identity of an older version: it counts as no session. */
export const decode = (text: string | null | undefined): Identity | null =>
  typeof text === 'string' ? (StoredIdentity.safeParse(parseJson(text)).data ?? null) : null

export function parseJson(text: string): Json | undefined {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
