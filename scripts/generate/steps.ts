// Writes the steps that are right while processes of two ages write: triggers, and what fills the rows that are there.
import type { Column } from './snapshot.ts'
import { BREAKPOINT, literal, quoted, shortened } from './sql.ts'

/** In this order; each is a migration, where it has statements. */
export const PHASES = ['values', 'expand', 'concurrently', 'finish'] as const
export type Phase = (typeof PHASES)[number]
export type Steps = Record<Phase, string[]>

export const bridgeName = (table: string, column: string): string => shortened(`bridge_${table}_${column}`)

/** A trigger. @param body what it does to NEW, the row that is about to be written */
function bridge(table: string, column: string, about: string, body: string): string {
  const name = quoted(bridgeName(table, column))
  return `-- ${about}
-- It goes by \`npm run generate -- --contract\`, in a later deploy.
CREATE FUNCTION ${name}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  ${body.replaceAll('\n', '\n  ')}
  RETURN NEW;
END $$;${BREAKPOINT}CREATE TRIGGER ${name} BEFORE INSERT OR UPDATE ON ${quoted(table)} FOR EACH ROW EXECUTE FUNCTION ${name}();`
}

/** How much of a table is filled by one statement, in pages of 8 kB: what takes some milliseconds. */
const PAGES = 100

/** In a migration that says `-- concurrently`. */
const fill = (table: string, set: string, where: string): string =>
  `-- Fills the rows that are there, ${PAGES} pages at a time, each committed by itself: nobody waits for longer than one takes, however
-- large the table is. Rows that are written meanwhile are right by the trigger.
DO $$
DECLARE
  pages int := pg_relation_size(${literal(quoted(table))}) / current_setting('block_size')::int;
BEGIN
  FOR page IN 0..pages BY ${PAGES} LOOP
    UPDATE ${quoted(table)} SET ${set}
    WHERE ctid >= format('(%s,0)', page)::tid AND ctid < format('(%s,0)', page + ${PAGES})::tid AND ${where};
    COMMIT;
  END LOOP;
END $$;`

type Some = Partial<Steps>

/** NOT NULL without reading the rows under a lock. */
export function required(table: string, column: string): Some {
  const [t, c] = [quoted(table), quoted(column)]
  const check = quoted(shortened(`filled_${table}_${column}`))
  return {
    expand: [`ALTER TABLE ${t} ADD CONSTRAINT ${check} CHECK (${c} IS NOT NULL) NOT VALID;`],
    concurrently: [
      `-- Reads all rows while others write: NOT NULL need not, then.\nALTER TABLE ${t} VALIDATE CONSTRAINT ${check};`,
    ],
    finish: [
      `ALTER TABLE ${t} ALTER COLUMN ${c} SET NOT NULL;`,
      `ALTER TABLE ${t} DROP CONSTRAINT ${check};`,
    ],
  }
}

/** An empty column gets the value of an expression, which may name other columns of the row. @param counted see below */
export function filled(table: string, column: string, value: string, counted: boolean): Some {
  const [t, c] = [quoted(table), quoted(column)]
  const body = `IF NEW.${c} IS NULL THEN\n  NEW.${c} := (SELECT ${value} FROM (SELECT NEW.*) AS ${t});\nEND IF;`
  const about = `Older processes write rows without "${column}": they get ${value}.`
  return {
    expand: [bridge(table, column, about, body)],
    concurrently: [fill(table, `${c} = ${value}${count(counted)}`, `${c} IS NULL`)],
  }
}

/** What a client has read of a row is another state of it then. */
const count = (counted: boolean) => (counted ? ', "version" = "version" + 1' : '')

/** A column under two names, and perhaps of two types. What an insert leaves out has the default, which is the same for both. */
export function renamed(table: string, was: Column, is: Column): Some {
  const [old, next] = [quoted(was.name), quoted(is.name)]
  const type = is.typeSchema === undefined ? is.type : `${quoted(is.typeSchema)}.${quoted(is.type)}`
  const value = was.type === is.type ? old : `${old}::${type}`
  const compared = (text: string) => (is.type === 'json' ? `(${text})::text` : text) // json has no equality
  const body = `IF TG_OP = 'INSERT' AND ${compared(`NEW.${next}`)} IS DISTINCT FROM ${compared(String(is.default ?? 'NULL'))}
  OR TG_OP = 'UPDATE' AND ${compared(`NEW.${next}`)} IS DISTINCT FROM ${compared(`OLD.${next}`)}
THEN
  NEW.${old} := NEW.${next};
ELSE
  NEW.${next} := NEW.${old};
END IF;`
  const about = `Older processes read and write "${was.name}", newer ones "${is.name}": both are the same in every row.`
  return {
    expand: [bridge(table, was.name, about, body)],
    concurrently: [
      fill(table, `${next} = ${value}`, `${compared(next)} IS DISTINCT FROM ${compared(value)}`),
    ],
  }
}

/** A column of an enum that loses values. @param instead by each of them the one that takes its place */
export function replaced(
  table: string,
  column: string,
  instead: Map<string, string>,
  counted: boolean,
): Some {
  const c = quoted(column)
  const pairs = [...instead].map((pair) => pair.map(literal).join(' THEN '))
  const cases = (of: string) => `CASE ${of} WHEN ${pairs.join(' WHEN ')} ELSE ${of} END`
  const gone = [...instead.keys()].map(literal).join(', ')
  const about = `Older processes write ${gone} into "${column}": it becomes ${[...instead.values()].join(', ')}.`
  return {
    expand: [bridge(table, column, about, `NEW.${c} := ${cases(`NEW.${c}`)};`)],
    concurrently: [fill(table, `${c} = ${cases(c)}${count(counted)}`, `${c} IN (${gone})`)],
  }
}
