// Accepts the size of a page under two names: some lists call it `limit`, others `size`, and all take both.
import { blankAsAbsent, MAX_PAGE_SIZE, wholeNumber } from './validate.ts'

/** The other name of the size; it takes precedence. @param name what the list itself calls it */
export const sizeAlias = (name: 'limit' | 'size', most = MAX_PAGE_SIZE) =>
  blankAsAbsent(wholeNumber(1, most).optional()).describe(`The same as \`${name}\`.`)
