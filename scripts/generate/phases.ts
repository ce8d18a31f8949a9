// Sorts the statements of drizzle-kit into migrations, each with the locks and the transaction that it bears.
import type { Snapshot } from './snapshot.ts'
import { quoted, shortened } from './sql.ts'
import type { Phase, Steps } from './steps.ts'

export const OPENINGS: Record<Phase, string[]> = {
  values: ['-- A new value can be used once the transaction that adds it is committed: so it is here alone.'],
  expand: [],
  concurrently: [
    '-- concurrently',
    '-- Each statement by itself, without a transaction: readers and writers go on. Broken off, it is run again from its start.',
  ],
  finish: ['-- Short: what takes long is done.'],
}

const NAME = '"((?:[^"]|"")+)"'
const INDEX = new RegExp(`^CREATE (?:UNIQUE )?INDEX (?:CONCURRENTLY )?${NAME} ON ${NAME}`)
const DROP_INDEX = new RegExp(`^DROP INDEX ${NAME};`)
const CONSTRAINT = new RegExp(
  `^ALTER TABLE ${NAME} (ADD|DROP) CONSTRAINT ${NAME}(?: (UNIQUE|FOREIGN KEY|CHECK|EXCLUDE))?`,
)

/**
 * What is done to a table that is there, and takes long, without locking others out: indexes are built concurrently, constraints are
 * of new rows first and validated then.
 */
export function sort(statements: string[], { tables }: Snapshot): Steps {
  const steps: Steps = { values: [], expand: [], concurrently: [], finish: [] }
  const isThere = (table = '') => Object.hasOwn(tables, `public.${table}`)
  const [built, unique, exclusive] = [new Set<string>(), new Set<string>(), new Set<string>()]
  for (const statement of statements) {
    const [, index = '', on] = INDEX.exec(statement) ?? []
    if (index !== '' && isThere(on)) built.add(index)
    const [, table, verb, name = '', kind] = CONSTRAINT.exec(statement) ?? []
    if (verb === 'ADD' && kind === 'UNIQUE' && isThere(table)) unique.add(name)
    if (verb === 'ADD' && kind === 'EXCLUDE' && isThere(table)) exclusive.add(name)
  }
  for (const statement of statements) {
    const [, index = ''] = INDEX.exec(statement) ?? []
    const [, dropped = ''] = DROP_INDEX.exec(statement) ?? []
    const [, table = '', verb, name = '', kind] = CONSTRAINT.exec(statement) ?? []
    if (/^ALTER TYPE .* ADD VALUE/.test(statement)) steps.values.push(statement)
    else if (built.has(dropped) || (verb === 'DROP' && unique.has(name))) continue // replaced below
    else if (built.has(index)) steps.concurrently.push(...buildIndex(statement, index, statements))
    else if (unique.has(name)) addUnique(steps, statement, { table, name }, statements)
    else if (exclusive.has(name))
      steps.finish.push(verb === 'DROP' ? statement : `${EXCLUSION}\n${statement}`)
    else if (verb === 'ADD' && (kind === 'FOREIGN KEY' || kind === 'CHECK') && isThere(table)) {
      const by = kind === 'CHECK' ? ruleOf(statement) : ''
      steps.expand.push(`-- Of rows that are written from now on.\n${statement.replace(/;$/, ' NOT VALID;')}`)
      steps.concurrently.push(
        `-- Of the rows that are there. If it fails, mend them and migrate again.${by}\n` +
          `ALTER TABLE ${quoted(table)} VALIDATE CONSTRAINT ${quoted(name)};`,
      )
    } else steps.expand.push(statement)
  }
  return steps
}

const EXCLUSION =
  '-- This alone locks the table while it is built: Postgres has no other way. If it fails, rows overlap: mend them and migrate again.'

const ruleOf = (statement: string) => {
  const rule = /CHECK (\(.*\));$/s.exec(statement)?.[1]?.replaceAll('\n', ' ')
  const table = CONSTRAINT.exec(statement)?.[1] ?? ''
  return `\n-- Which they are: SELECT * FROM ${quoted(table)} WHERE NOT ${rule};`
}

/** The one that it replaces is there until it is. */
function buildIndex(statement: string, name: string, statements: string[]): string[] {
  const [, on, columns, where = ''] =
    /^CREATE UNIQUE .* ON (\S+) USING \w+ \((.*?)\)( WHERE .*)?;$/s.exec(statement) ?? []
  const about =
    on === undefined || columns === undefined ? '' : twice(on, columns, where.replaceAll('\n', ' '))
  const create = (as: string) =>
    about +
    statement.replace(/INDEX (?:CONCURRENTLY )?"(?:[^"]|"")+"/, () => `INDEX CONCURRENTLY ${quoted(as)}`)
  if (!statements.includes(`DROP INDEX ${quoted(name)};`)) return [create(name)]
  const temporary = temporaryName(name)
  return [
    create(temporary),
    `DROP INDEX CONCURRENTLY IF EXISTS ${quoted(name)};`,
    `ALTER INDEX ${quoted(temporary)} RENAME TO ${quoted(name)};`,
  ]
}

const temporaryName = (name: string) => shortened(`new_${name}`)

const twice = (table: string, columns: string, where: string) =>
  `-- If it fails, rows have the same: mend them and migrate again. Which they are:
-- SELECT ${columns}, count(*) FROM ${table}${where} GROUP BY ${columns} HAVING count(*) > 1;
`

function addUnique(
  steps: Steps,
  statement: string,
  { table, name }: { table: string; name: string },
  statements: string[],
): void {
  const [, nulls = '', columns = ''] = /UNIQUE( NULLS NOT DISTINCT)?\((.*)\);$/.exec(statement) ?? []
  const [t, drop] = [quoted(table), `ALTER TABLE ${quoted(table)} DROP CONSTRAINT ${quoted(name)};`]
  const index = quoted(temporaryName(name))
  const where = nulls === '' ? ` WHERE (${columns}) IS NOT NULL` : ''
  steps.concurrently.push(
    `${twice(t, columns, where)}CREATE UNIQUE INDEX CONCURRENTLY ${index} ON ${t} (${columns})${nulls};`,
  )
  if (statements.includes(drop)) steps.finish.push(drop)
  steps.finish.push(`ALTER TABLE ${t} ADD CONSTRAINT ${quoted(name)} UNIQUE USING INDEX ${index};`)
}
