// Encodes and decodes an identity as it is stored in Redis: one JSON text.
import { z } from 'zod'
import { attempt } from '../../types/attempt.ts'
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
  way: z.string(),
}) satisfies z.ZodType<Identity>

/**
 * An identity has exactly one text, because scripts compare texts. Without `provenAt` the login counts.
 */
export const encode = ({ userId, role, ip, agent, loginAt, sentAt, remember, ...more }: Identity): string => {
  const { provenAt, way } = more
  const known = { userId, role, ip, agent, loginAt, sentAt, remember, provenAt, way } satisfies Identity
  return JSON.stringify(known)
}

/** Null for anything else, such as an identity of an older version: it counts as no session. */
export const decode = (text: string | null | undefined): Identity | null =>
  typeof text === 'string' ? (StoredIdentity.safeParse(parseJson(text)).data ?? null) : null

export const parseJson = (text: string): Json | undefined => attempt(() => JSON.parse(text) as Json)
