// Makes exclusion constraints of the indexes as which drizzle-kit writes them: see src/kit/data/exclusion.ts.

interface Table {
  name: string
  schema: string
  indexes: Record<string, { columns: { expression: string }[] }>
}

const CREATED = /^CREATE INDEX ("[^"]+") ON (\S+) USING gist \((.* WITH &&)\)(?: WHERE (.*))?;(?=-->|$)/gm
const DROPPED = /^DROP INDEX (?:"[^"]+"\.)?"([^"]+)";(?=-->|$)/gm

/** Of an extension that trusted roles may create, as that of search: where it is there, anybody passes. */
const EXTENSION = `-- No two rows overlap: that stands on this extension. Whoever may create in the database may create it.
DO $$ BEGIN
	CREATE EXTENSION IF NOT EXISTS btree_gist;
EXCEPTION WHEN OTHERS THEN
	RAISE EXCEPTION 'the extension btree_gist, which keeps rows from overlapping, cannot be created (%). Let the owner of the database % run CREATE EXTENSION btree_gist in it once (a managed Postgres: switch the extension on in its settings; a server of your own may need the package postgresql-contrib), or set MIGRATE_DATABASE_URL to the owner, then migrate again', SQLERRM, quote_ident(current_database()) USING ERRCODE = SQLSTATE;
END $$;--> statement-breakpoint
`

/**
 * @param sql statements of a migration
 * @param before the schema that it changes
 */
export function withExclusions(sql: string, { tables }: { tables: object }): string {
  const created = sql.replaceAll(
    CREATED,
    (_, name: string, table: string, elements: string, condition?: string) =>
      `ALTER TABLE ${table} ADD CONSTRAINT ${name} EXCLUDE USING gist (${elements})${condition ? ` WHERE (${condition})` : ''};`,
  )
  const all = created.replaceAll(DROPPED, (drop, name: string) => {
    const table = (Object.values(tables) as Table[]).find(({ indexes }) =>
      indexes[name]?.columns.some(({ expression }) => expression.endsWith(' WITH &&')),
    )
    return table === undefined ? drop : `ALTER TABLE ${nameOf(table)} DROP CONSTRAINT "${name}";`
  })
  return /^ALTER TABLE .* EXCLUDE USING gist \(.* WITH =/m.test(all) ? EXTENSION + all : all
}

const nameOf = ({ schema, name }: Table) => `${schema ? `"${schema}".` : ''}"${name}"`
