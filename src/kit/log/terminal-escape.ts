// Escapes text from outside for a terminal: it cannot forge a line, move the cursor or reverse the reading direction.

const UNSEEN = /[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/gu
/** Those of them that JSON does not escape. */
const UNSEEN_IN_JSON = /[\u007f-\u009f\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/gu

/** Returns the text on one line, with readable escapes. */
export const printable = (text: string): string =>
  text.replace(UNSEEN, (character) =>
    character === '\n' ? '\\n' : character === '\t' ? '\\t' : escape(character),
  )

/** The result is the same JSON value. */
export const printableJson = (json: string): string => json.replace(UNSEEN_IN_JSON, escape)

const escape = (character: string) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
