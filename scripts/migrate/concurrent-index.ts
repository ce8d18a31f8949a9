// An index that is built concurrently: what an interrupted attempt has left of it.
import type postgres from 'postgres'

const NAME = String.raw`(?:"(?:[^"]|"")+"|[^\s".(]+)`
const CREATE = new RegExp(
  String.raw`^create\s+(?:unique\s+)?index\s+concurrently\s+(?:if\s+not\s+exists\s+)?(${NAME})\s+on\s+(?:only\s+)?(${NAME}\.)?(${NAME})`,
  'i',
)

/**
 * True if the statement builds an index that this table has already. One that was left unfinished is dropped first:
 * Postgres would neither use it nor build it again.
 */
export async function isBuilt(sql: postgres.ISql, statement: string): Promise<boolean> {
  const code = statement.replace(/\/\*[^]*?\*\/|--.*$/gm, '').trim()
  const [, index, schema = '', table] = CREATE.exec(code) ?? []
  if (index === undefined || table === undefined) return false
  const [found] = await sql<{ name: string; valid: boolean }[]>`
    select format('%I.%I', n.nspname, c.relname) as name, i.indisvalid as valid
    from pg_index i join pg_class c on c.oid = i.indexrelid join pg_namespace n on n.oid = c.relnamespace
    where i.indrelid = to_regclass(${schema + table}) and c.relname = (parse_ident(${index}))[1]`
  if (found?.valid === false) await sql.unsafe(`DROP INDEX CONCURRENTLY ${found.name}`)
  return found?.valid === true
}
