// Writes names and texts as SQL has them.

export const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`

export const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`

/** Between two statements of a migration. */
export const BREAKPOINT = '--> statement-breakpoint\n'
