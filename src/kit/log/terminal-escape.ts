// Texts from outside on a terminal: what would forge a line, move the cursor or turn the reading direction is escaped.

const UNSEEN = /[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/gu
/** Of these, what JSON leaves as it is. */
const UNSEEN_IN_JSON = /[\u007f-\u009f\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/gu

/** On one line, with escapes that can be read. */
export const printable = (text: string): string =>
  text.replace(UNSEEN, (character) =>
    character === '\n' ? '\\n' : character === '\t' ? '\\t' : escape(character),
  )

/** JSON stays JSON, and says the same. */
export const printableJson = (json: string): string => json.replace(UNSEEN_IN_JSON, escape)

const escape = (character: string) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
