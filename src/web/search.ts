// Search text as a LIKE pattern.

/** The pattern that finds `text` anywhere; `%`, `_` and `\` in it mean themselves. */
export const containing = (text: string) => `%${text.replace(/[\\%_]/g, '\\$&')}%`
