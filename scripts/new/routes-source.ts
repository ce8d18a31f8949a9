// The source of a new slice's routes.ts.
import { enumOf, type Field, searchWords } from './fields.ts'
import { capital, type Names } from './names.ts'

export function routesSource(names: Names, fields: Field[]): string {
  const { one, many, type, snake, spoken, spokenMany } = names
  const searched = fields.filter((field) => field.searchable)
  const enums = fields.filter((field) => field.values.length > 0).map((field) => enumOf(snake, field.name))
  const ofTable = [`${type}Response`, ...enums].toSorted()
  const has = searched.length > 0
  const isUnique = fields.some((field) => field.unique)
  return `// Serves ${spokenMany} over HTTP.
import { z } from 'zod'
import { factory, requireRole } from '../account/product.ts'
import { doc } from '../kit/http/doc.ts'
import { notFound } from '../kit/http/errors.ts'
import { sizeAlias } from '../kit/http/page-size.ts'
import { cursorOf, paged, PAGE_LINKS, type Span } from '../kit/http/paging.ts'
import { blankAsAbsent, Page, pageSize, RowId, ${has ? 'Search, ' : ''}validate } from '../kit/http/validate.ts'
import { create${type}, delete${type}, find${type}, list${capital(many)}, update${type} } from './queries.ts'
import { ${ofTable.join(', ')} } from './table.ts'

// Unknown keys are ignored: clients send the whole object back as they read it.
const New${type} = z.object({
  ${fields.map((f) => `${f.name}: ${f.input}${f.optional ? '.nullish()' : ''},`).join('\n  ')}
})

const ${type}Query = z.object({
  page: Page,
  limit: pageSize(200, 50),
  size: sizeAlias('limit', 200),
  cursor: cursorOf(RowId),
  ${has ? `search: Search.describe('${searchWords(searched)}'),\n  ` : ''}creator: blankAsAbsent(z.uuid('must be a user id').optional()).describe('Id of the account that added it.'),
})

const One${type} = z.object({ id: RowId })

export const ${many} = factory
  .createApp()

  .get(
    '/',
    doc('Lists ${spokenMany}.', z.array(${type}Response), { headers: PAGE_LINKS }),
    validate('query', ${type}Query),
    async (c) => {
      const { page, limit, size = limit, cursor, ...filter } = c.req.valid('query')
      const load = (span: Span<number>) => list${capital(many)}(c.var.db, { ...filter, ...span })
      return c.var.respond(await paged(c, { page, size, cursor }, load, ({ id }) => id))
    },
  )

  .get('/:id', doc('Returns a ${spoken}.', ${type}Response), validate('param', One${type}), async (c) => {
    const ${one} = await find${type}(c.var.db, c.req.valid('param').id)
    if (${one} === undefined) throw notFound(c)
    return c.var.respond(${one})
  })

  .post(
    '/',
    doc('Creates a ${spoken} and returns it.', ${type}Response, { status: 201${isUnique ? ', otherStatuses: [409]' : ''} }),
    requireRole('editor'),
    validate('json', New${type}),
    async (c) => {
      const input = c.req.valid('json')
      return c.var.respond(await create${type}(c.var.db, { ...input, creator: c.var.session.userId }))
    },
  )

  .put(
    '/:id',
    doc('Changes the fields of a ${spoken} that the body names, and returns it.', ${type}Response${isUnique ? ', { otherStatuses: [409] }' : ''}),
    requireRole('editor'),
    validate('param', One${type}),
    validate('json', New${type}.partial()),
    async (c) => {
      const ${one} = await update${type}(c.var.db, c.req.valid('param').id, c.req.valid('json'))
      if (${one} === undefined) throw notFound(c)
      return c.var.respond(${one})
    },
  )

  .delete(
    '/:id',
    doc('Deletes a ${spoken} and returns it.', ${type}Response),
    requireRole('editor'),
    validate('param', One${type}),
    async (c) => {
      const ${one} = await delete${type}(c.var.db, c.req.valid('param').id)
      if (${one} === undefined) throw notFound(c)
      return c.var.respond(${one})
    },
  )
`
}
