// The source of a new slice's table.ts: the table, and what a client sees of its rows.
import { enumOf, type Field } from './fields.ts'
import type { Names } from './names.ts'

export function tableSource(names: Names, fields: Field[]): string {
  const { many, type, snake, table, spoken, spokenMany } = names
  const enums = fields.filter((field) => field.values.length > 0)
  const searched = fields.filter((field) => field.searchable)
  const columns = searched.map(({ name }) => `t.${name}.op('gin_trgm_ops')`).join(', ')
  const searchIndex =
    searched.length > 0
      ? `\n    // For searches.\n    index('${table}_search').using('gin', ${columns}),`
      : ''
  const functions = fields.map((field) => /^\w+/.exec(field.column)?.[0] ?? '')
  const imports = ['index', 'pgTable', 'serial', 'timestamp', 'uuid', ...functions]
    .filter((name) => !enums.some((field) => field.column.startsWith(name)))
    .concat(enums.length > 0 ? 'pgEnum' : [])
  return `// Defines the ${spokenMany} table and what a client sees of a ${spoken}.
import { sql } from 'drizzle-orm'
import { ${[...new Set(imports)].toSorted().join(', ')} } from 'drizzle-orm/pg-core'
import { z } from 'zod'
import { users } from '../account/table.ts'
import { publicFields } from '../kit/data/public-fields.ts'

${enums.map((field) => enumSource(snake, field)).join('')}export const ${many} = pgTable(
  '${table}',
  {
    id: serial().primaryKey(),
    ${fields.map((f) => `${f.name}: ${f.column}${f.optional ? '' : '.notNull()'}${f.unique ? '.unique()' : ''},`).join('\n    ')}
    creator: uuid().references(() => users.id, { onDelete: 'set null' }),
    created: timestamp({ withTimezone: true }).notNull().defaultNow(),
    modified: timestamp({ withTimezone: true }).notNull().defaultNow(),
  },
  (t) => [
    index('${table}_creator_id').on(t.creator, t.id),${searchIndex}
  ],
)

export const ${type}Response = z
  .object({
    id: z.string(),
    ${fields.map((f) => `${f.name}: ${f.answer}${f.optional ? '.nullable()' : ''},`).join('\n    ')}
    creator: z.uuid().nullable().describe('Id of the account that added it.'),
    created: z.iso.datetime(),
    modified: z.iso.datetime(),
  })
  .meta({ id: '${type}' })

/** Ids are strings on the wire. */
export const public${type} = publicFields(${many}, ${type}Response, {
  id: sql<string>\`\${${many}.id}::text\`.as('id'),
})
`
}

const enumSource = (snake: string, { name, values }: Field) =>
  `export const ${enumOf(snake, name)} = pgEnum('${snake}_${name}', [${values.map((v) => `'${v}'`).join(', ')}])\n\n`
