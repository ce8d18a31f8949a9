// Declares events that other services are told of: a type, and the shape of what they are told.
import { z } from 'zod'
import type { BeforeJson } from '../http/respond.ts'

export interface WebhookEvent<S extends z.ZodType = z.ZodType> {
  readonly type: string
  /** The body of its requests, as the OpenAPI document has it. */
  readonly body: z.ZodType
  readonly data: S
}

/** Of a body: a receiver need not take more. */
const MAX_BYTES = 256 * 1024

/**
 * @param type `book.created`: for good, as receivers compare it
 * @param about in a sentence, for the OpenAPI document
 * @param data what is told; fields that it does not name are left out
 */
export function webhookEvent<S extends z.ZodType>(type: string, about: string, data: S): WebhookEvent<S> {
  if (!/^[a-z][a-z0-9_]*(\.[a-z0-9_]+){1,3}$/.test(type) || type.length > 64)
    throw new Error(`webhooks: "${type}" is no type: small words with dots between them, as book.created`)
  const body = z.object({ type: z.literal(type), timestamp: z.iso.datetime(), data }).describe(about)
  return { type, data, body }
}

/** For `webhooks` of the OpenAPI document: the body of each event, by its type. */
export const documented = (events: readonly WebhookEvent[]): Record<string, z.ZodType> =>
  Object.fromEntries(events.map(({ type, body }) => [type, body]))

/** The body as it is signed and sent. @throws Error if the data has another shape, or is too large */
export function bodyOf<S extends z.ZodType>(
  { type, body }: WebhookEvent<S>,
  data: BeforeJson<z.output<S>>,
): string {
  const plain: unknown = JSON.parse(JSON.stringify({ type, timestamp: new Date(), data }))
  const text = JSON.stringify(body.parse(plain))
  if (new TextEncoder().encode(text).length <= MAX_BYTES) return text
  throw new Error(
    `webhooks: ${type} has more than ${MAX_BYTES} bytes: tell the id, and let receivers ask for the rest`,
  )
}
