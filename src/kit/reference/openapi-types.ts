// What the OpenAPI document is made from: operations, and their schemas.
import type { z } from 'zod'
import type { ApiRoute, RouteDoc } from '../http/doc.ts'

export type JsonSchema = z.core.JSONSchema.BaseSchema

export interface Operation extends ApiRoute {
  doc: RouteDoc
  /** Unique, and a name in any language: `getBooksById`. */
  id: string
}
