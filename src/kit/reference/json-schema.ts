// Declares JSON Schema as zod converts to it.
import type { z } from 'zod'

export type JsonSchema = z.core.JSONSchema.BaseSchema

/** `true`, `false` and undefined are schemas too, which say nothing about the shape: returns an empty one for them. */
export const plain = (schema: JsonSchema | boolean | undefined): JsonSchema =>
  typeof schema === 'object' ? schema : {}
