// Declares what the OpenAPI document is made from: operations and their schemas.
import type { ApiRoute, RouteDoc } from '../http/doc.ts'

export interface Operation extends ApiRoute {
  doc: RouteDoc
  /** Unique, and a valid name in any language: `getBooksById`. */
  id: string
}
