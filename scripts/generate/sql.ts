// Writes names and texts as SQL has them.

export const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`

export const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`

/** Postgres cuts longer names off, and two may be the same then. */
const MAX_IDENTIFIER = 63

/** The name, or what begins so and is no longer than a name may be. */
export const shortened = (name: string): string =>
  name.length <= MAX_IDENTIFIER ? name : `${name.slice(0, 50)}_${Bun.hash.crc32(name)}`

/** Between two statements of a migration. */
export const BREAKPOINT = '--> statement-breakpoint\n'
