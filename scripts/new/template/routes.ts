// Serves toy cars over HTTP.
import { z } from 'zod'
import { factory, requireRole } from '../../../src/account/product.ts'
import { doc } from '../../../src/kit/http/doc.ts'
import { notFound } from '../../../src/kit/http/errors.ts'
import { sizeAlias } from '../../../src/kit/http/page-size.ts'
import { cursorOf, paged, PAGE_LINKS, type Span } from '../../../src/kit/http/paging.ts'
import { alreadyExists } from '../../../src/kit/http/sql-refusals.ts'
import { blankAsAbsent, Page, pageSize, RowId, Search, validate } from '../../../src/kit/http/validate.ts'
import { createToyCar, deleteToyCar, findToyCar, listToyCars, updateToyCar } from './queries.ts'
import { ToyCarResponse, toyCars as table } from './table.ts'

// Unknown keys are ignored: clients send the whole object back as they read it.
export const NewToyCar = z.object({
  $string: z.string().min(1, 'must not be empty').max(500),
  $text: z.string().max(50_000),
  $int: z.int32(),
  $number: z.number(),
  $bool: z.boolean(),
  // Of the years that Postgres, ISO 8601 and JavaScript write alike.
  $date: z.iso.date().refine((v) => v > '1000', 'must be of the years 1000 to 9999'),
  // The length first: a moment may have any number of digits after its seconds.
  $timestamp: z
    .string()
    .max(40, { abort: true })
    .check(z.iso.datetime({ offset: true }))
    .transform((v) => new Date(v))
    .refine(
      (v) => v.getUTCFullYear() >= 1000 && v.getUTCFullYear() <= 9999,
      'must be of the years 1000 to 9999',
    ),
  $uuid: z.uuid(),
  $enum: z.enum(table.$enum.enumValues),
  $optional: z.string().min(1, 'must not be empty').max(500).nullish(),
})

const ToyCarQuery = z.object({
  page: Page,
  limit: pageSize(200, 50),
  size: sizeAlias('limit', 200),
  cursor: cursorOf(RowId),
  // if searched
  search: Search.describe('Part of the searched fields, in any case.'),
  // end
  creator: blankAsAbsent(z.uuid('must be a user id').optional()).describe('Id of the account that added it.'),
})

const OneToyCar = z.object({ id: RowId })

export const toyCars = factory
  .createApp()

  .get(
    '/',
    doc('Lists toy cars.', z.array(ToyCarResponse), { headers: PAGE_LINKS }),
    validate('query', ToyCarQuery),
    async (c) => {
      const { page, limit, size = limit, cursor, ...filter } = c.req.valid('query')
      const load = (span: Span<number>) => listToyCars(c.var.db, { ...filter, ...span })
      return c.var.respond(await paged(c, { page, size, cursor }, load, ({ id }) => id))
    },
  )

  .get('/:id', doc('Returns a toy car.', ToyCarResponse), validate('param', OneToyCar), async (c) => {
    const toyCar = await findToyCar(c.var.db, c.req.valid('param').id)
    if (toyCar === undefined) throw notFound(c)
    return c.var.respond(toyCar)
  })

  .post(
    '/',
    doc('Creates a toy car and returns it.', ToyCarResponse, { status: 201, errors: [alreadyExists] }),
    requireRole('editor'),
    validate('json', NewToyCar),
    async (c) => {
      const input = c.req.valid('json')
      return c.var.respond(await createToyCar(c.var.db, { ...input, creator: c.var.session.userId }))
    },
  )

  .put(
    '/:id',
    doc('Changes the fields of a toy car that the body names, and returns it.', ToyCarResponse, {
      errors: [alreadyExists],
    }),
    requireRole('editor'),
    validate('param', OneToyCar),
    validate('json', NewToyCar.partial()),
    async (c) => {
      const toyCar = await updateToyCar(c.var.db, c.req.valid('param').id, c.req.valid('json'))
      if (toyCar === undefined) throw notFound(c)
      return c.var.respond(toyCar)
    },
  )

  .delete(
    '/:id',
    doc('Deletes a toy car and returns it.', ToyCarResponse),
    requireRole('editor'),
    validate('param', OneToyCar),
    async (c) => {
      const toyCar = await deleteToyCar(c.var.db, c.req.valid('param').id)
      if (toyCar === undefined) throw notFound(c)
      return c.var.respond(toyCar)
    },
  )
