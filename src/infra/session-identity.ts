// An identity as it lies in Redis: one JSON text, and what is none counts as no session.
import { z } from 'zod'
import { ROLES } from '../account/roles.ts'
import type { Identity, Json } from '../deps.ts'

/** The order of the fields is that of the stored text, which scripts compare. */
const StoredIdentity = z.object({
  userId: z.string(),
  role: z.enum(ROLES),
  ip: z.string(),
  agent: z.string(),
  loginAt: z.number(),
  sentAt: z.number(),
  remember: z.boolean(),
}) satisfies z.ZodType<Identity>

/** One identity has one text: scripts compare texts. */
export const encodeIdentity = ({ userId, role, ip, agent, loginAt, sentAt, remember }: Identity): string =>
  JSON.stringify({ userId, role, ip, agent, loginAt, sentAt, remember } satisfies Identity)

/** What is not an identity, of an older version for example, counts as no session. */
export function decodeIdentity(text: string | null | undefined): Identity | null {
  return typeof text === 'string' ? (StoredIdentity.safeParse(parseJson(text)).data ?? null) : null
}

export function parseJson(text: string): Json | undefined {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
