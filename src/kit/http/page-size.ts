// The size of a page by the other of its two names: what one list calls `limit` is `size` in another, and all take both.
import { blankAsAbsent, MAX_PAGE_SIZE, wholeNumber } from './validate.ts'

/** Where it is given, it counts. @param name what the list itself calls it */
export const otherSize = (name: 'limit' | 'size', most = MAX_PAGE_SIZE) =>
  blankAsAbsent(wholeNumber(1, most).optional()).describe(`The same as \`${name}\`.`)
