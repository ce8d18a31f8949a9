// Writes an expression of Drizzle as text, in which its columns are numbered: for what reads the shape of a condition.
import { is, SQL, StringChunk } from 'drizzle-orm'
import { PgColumn } from 'drizzle-orm/pg-core'

/** `#0 > #1`, and these columns; a value is `?`. A column that stands there twice has two numbers. */
export function textOf(expression: SQL): { text: string; columns: PgColumn[] } {
  const columns: PgColumn[] = []
  const write = (chunk: unknown): string => {
    if (is(chunk, SQL)) return chunk.queryChunks.map(write).join('')
    if (is(chunk, StringChunk)) return chunk.value.join('')
    return is(chunk, PgColumn) ? `#${columns.push(chunk) - 1}` : '?'
  }
  return { text: write(expression), columns }
}
