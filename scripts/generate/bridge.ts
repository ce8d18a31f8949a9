// Writes the SQL that keeps rows right while processes of two ages write them: triggers, and what fills the rows that are there.

const MAX_IDENTIFIER = 63

export const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`

export const bridgeName = (table: string, column: string): string =>
  `bridge_${table}_${column}`.slice(0, MAX_IDENTIFIER)

/** @param body what it does to NEW, the row that is about to be written */
export function bridge(table: string, column: string, about: string, body: string): string {
  const name = quoted(bridgeName(table, column))
  return `-- ${about}
-- It goes by \`npm run generate -- --contract\`, in a later deploy.
CREATE FUNCTION ${name}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  ${body.replaceAll('\n', '\n  ')}
  RETURN NEW;
END $$;--> statement-breakpoint
CREATE TRIGGER ${name} BEFORE INSERT OR UPDATE ON ${quoted(table)} FOR EACH ROW EXECUTE FUNCTION ${name}();`
}

/** An old and a new column have the same, whichever a process writes. */
export function sameInBoth(oldName: string, newName: string, type: string): string {
  const [was, is] = [oldName, newName].map((name) => `NEW.${quoted(name)}`)
  const compared = type === 'json' ? '::text' : '' // it has no equality
  return `IF TG_OP = 'INSERT' THEN
  ${is} := coalesce(${is}, ${was});
  ${was} := ${is};
ELSIF ${is}${compared} IS DISTINCT FROM OLD.${quoted(newName)}${compared} THEN
  ${was} := ${is};
ELSE
  ${is} := ${was};
END IF;`
}

/** A column that is empty gets the value of an expression, which may name other columns of the row. */
export const filledBy = (table: string, column: string, value: string): string =>
  `IF NEW.${quoted(column)} IS NULL THEN
  NEW.${quoted(column)} := (SELECT ${value} FROM (SELECT NEW.*) AS ${quoted(table)});
END IF;`

/** How much of a table is filled by one statement, in pages of 8 kB: the rows of some milliseconds. */
const PAGES = 100

/** For a migration that says `-- concurrently`. */
export const fill = (table: string, set: string, where: string): string =>
  `-- Fills the rows that are there, ${PAGES} pages at a time, each committed by itself: nobody waits for longer than that takes,
-- however large the table is. Rows that are written meanwhile are right by the trigger.
DO $$
DECLARE
  pages int := pg_relation_size('${quoted(table).replaceAll("'", "''")}') / current_setting('block_size')::int;
BEGIN
  FOR page IN 0..pages BY ${PAGES} LOOP
    UPDATE ${quoted(table)} SET ${set}
    WHERE ctid >= format('(%s,0)', page)::tid AND ctid < format('(%s,0)', page + ${PAGES})::tid AND ${where};
    COMMIT;
  END LOOP;
END $$;`

/** NOT NULL without a scan under a lock: the statements of the three migrations. */
export function notNull(table: string, column: string) {
  const [t, c] = [quoted(table), quoted(column)]
  const check = quoted(`filled_${table}_${column}`.slice(0, MAX_IDENTIFIER))
  return {
    expand: `ALTER TABLE ${t} ADD CONSTRAINT ${check} CHECK (${c} IS NOT NULL) NOT VALID;`,
    concurrently: `-- Reads all rows while others write; then NOT NULL need not.\nALTER TABLE ${t} VALIDATE CONSTRAINT ${check};`,
    finish: [
      `ALTER TABLE ${t} ALTER COLUMN ${c} SET NOT NULL;`,
      `ALTER TABLE ${t} DROP CONSTRAINT ${check};`,
    ],
  }
}
