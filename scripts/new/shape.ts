// Declares what is known of a field of a new resource.
import type { Names } from './names.ts'

export interface Field {
  name: string
  /** One of TYPES. */
  type: string
  optional: boolean
  /** `own`: within the rows that stand in one list, an owner's or a parent's; `all`: within the table. */
  unique: 'own' | 'all' | undefined
  /** Lists filter by it, and sort by it if the type has an order. */
  indexed: boolean
  sorted: boolean
  searched: boolean
  /** What stands in the brackets of the type: `['10', '2']` of decimal(10,2), the values of an enum. */
  args: string[]
  /** The values of an enum, empty for other types. */
  values: string[]
  /** The least and the most, in canonical form: of values, or of the length of texts and lists. */
  min: string | undefined
  max: string | undefined
  /** What it is where a creation leaves it out, in canonical form, JSON of json and lists; `now` of moments and days. */
  fallback: string | undefined
  /** Of `ref(court)`, `account` and `file(image)`. */
  refersTo: Reference | undefined
}

/** A row of another table. */
export interface Reference {
  names: Names
  /** Its rows refer to others, which the factories make. */
  needsOthers: boolean
  /** Who sees such rows: those whom the row may refer to. */
  seenBy: 'owner' | 'accounts' | 'everybody'
  /** What becomes of the row when the one that it refers to is deleted; restrict: that is refused. */
  onDelete: 'cascade' | 'set null' | 'restrict'
  /** A file's last part of the path to its bytes. */
  bytesAt?: 'public' | 'content'
}
