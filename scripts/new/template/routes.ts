// Serves toy cars over HTTP.
import { z } from 'zod'
import { type AppContext, factory, found, idempotent, requireRole } from '../../../src/account/product.ts'
import { scopeOf } from '../../../src/account/scope.ts'
import { batchBody, batchResponse, runBatch } from '../../../src/kit/http/batch.ts'
import { doc } from '../../../src/kit/http/doc.ts'
import {
  decimal,
  emailAddress,
  httpUrl,
  isoDate,
  isoTimestamp,
  rowId,
  wallClock,
} from '../../../src/kit/http/field-inputs.ts'
import { ifMatch, writtenRow } from '../../../src/kit/http/if-match.ts'
import { jsonValue } from '../../../src/kit/http/json-input.ts'
import { answerList, LIST, listQuery } from '../../../src/kit/http/list-query.ts'
import {
  alreadyExists,
  checkViolation,
  exclusionViolation,
  foreignKeyViolation,
} from '../../../src/kit/http/sql-refusals.ts'
// if checked
//| import { tableChecks } from '../../../src/kit/http/table-checks.ts'
// end
import { RowId, validate } from '../../../src/kit/http/validate.ts'
import {
  createToyCar,
  // if bulk
  createToyCars,
  // end
  deleteToyCar,
  // if bulk
  deleteToyCars,
  // end
  // if owned public
  //| findChangeableToyCar,
  // end
  findToyCar,
  // if ownlist
  ownToyCarList,
  // end
  // if soft
  restoreToyCar,
  // end
  toyCarList,
  type ToyCarScope,
  updateToyCar,
} from './queries.ts'
import { findToyBox } from './support/toy-boxes/queries.ts'
import { ToyCarResponse, toyCars as table } from './table.ts'

// Unknown keys are ignored: clients send the whole object back as they read it.
export const NewToyCar = z.object({
  $string: z.string().min(1, 'must not be empty').max(500),
  $text: z.string().max(50_000),
  $int: z.int32(),
  $number: z.number(),
  $decimal: decimal(10, 2),
  $bool: z.boolean(),
  $date: isoDate(),
  $timestamp: isoTimestamp(),
  $time: wallClock(),
  $uuid: z.uuid(),
  $email: emailAddress(),
  $url: httpUrl(),
  $enum: z.enum(table.$enum.enumValues),
  $strings: z.array(z.string().min(1, 'must not be empty').max(100)).max(50),
  $json: jsonValue(),
  $ref: rowId(),
  $account: z.uuid(),
  // if src/files/table.ts
  //| $file: z.uuid().describe('Id of a file of mine for `image` that is ready.'),
  // end
  $optional: z.string().min(1, 'must not be empty').max(500).nullish(),
  $default: z.string().min(1, 'must not be empty').max(500).optional().meta({ default: 'none' }),
  // if checked
  //| }).check(tableChecks(table))
  // else
})
// end

// if under
const InToyBox = z.object({ toy_box: RowId })
const OneToyCar = InToyBox.extend({ id: RowId })

/** Who asks, in a toy box that one sees. @throws notFound */
async function scopeIn(c: AppContext, { toy_box }: z.output<typeof InToyBox>): Promise<ToyCarScope> {
  const scope = await scopeOf(c)
  await found(c, findToyBox(scope, toy_box))
  return { ...scope, toy_box }
}
// else
//| const OneToyCar = z.object({ id: RowId })
// end

export const toyCars = factory
  .createApp()

  .get(
    '/',
    doc('Lists toy cars.', z.array(ToyCarResponse), { ...LIST, etag: true }),
    // if login
    requireRole('readonly'),
    // end
    // if under
    validate('param', InToyBox),
    // end
    validate('query', listQuery(toyCarList)),
    // if under
    async (c) => {
      const { toy_box } = c.req.valid('param')
      const scope = await scopeIn(c, { toy_box })
      return c.var.respond(await answerList(c, toyCarList, scope, { ...c.req.valid('query'), toy_box }))
    },
    // else
    //| async (c) =>
    //|   c.var.respond(await answerList(c, toyCarList, await scopeOf(c), c.req.valid('query'))),
    // end
  )

  .get(
    '/:id',
    doc('Returns a toy car.', ToyCarResponse, { etag: true }),
    // if login
    requireRole('readonly'),
    // end
    validate('param', OneToyCar),
    async (c) => {
      const scope = await scopeIn(c, c.req.valid('param'))
      return c.var.respond(await found(c, findToyCar(scope, c.req.valid('param').id)))
    },
  )

  .post(
    '/',
    doc('Creates a toy car and returns it.', ToyCarResponse, {
      status: 201,
      errors: [alreadyExists, exclusionViolation, checkViolation, foreignKeyViolation],
    }),
    requireRole('editor'),
    // if under
    validate('param', InToyBox),
    // end
    validate('json', NewToyCar),
    idempotent(),
    async (c) => {
      const scope = await scopeIn(c, c.req.valid('param'))
      return c.var.respond(await createToyCar(scope, c.req.valid('json')))
    },
  )

  // if bulk
  .patch(
    '/',
    doc('Creates and deletes many toy cars, all or none, and returns them.', batchResponse(ToyCarResponse), {
      otherStatuses: [404],
      errors: [alreadyExists, exclusionViolation, checkViolation, foreignKeyViolation],
    }),
    requireRole('editor'),
    // if under
    validate('param', InToyBox),
    // end
    validate('json', batchBody(NewToyCar)),
    idempotent(),
    async (c) => {
      const scope = await scopeIn(c, c.req.valid('param'))
      const batch = await runBatch(scope.db, c.req.valid('json'), {
        of: NewToyCar,
        create: (db, inputs) => createToyCars({ ...scope, db }, inputs),
        delete: (db, ids) => deleteToyCars({ ...scope, db }, ids),
      })
      return c.var.respond(batch)
    },
  )

  // end
  .on(
    ['PUT', 'PATCH'],
    '/:id',
    doc('Changes the fields of a toy car that the body names, and returns it.', ToyCarResponse, {
      errors: [alreadyExists, exclusionViolation, checkViolation, foreignKeyViolation],
    }),
    requireRole('editor'),
    validate('param', OneToyCar),
    // if checked
    //| validate('json', z.object(NewToyCar.shape).partial().check(tableChecks(table))),
    // else
    validate('json', NewToyCar.partial()),
    // end
    ifMatch(),
    async (c) => {
      const scope = await scopeIn(c, c.req.valid('param'))
      const { id } = c.req.valid('param')
      const toyCar = await updateToyCar(scope, id, c.req.valid('json'), c.var.versions)
      // if owned public
      //| return c.var.respond(await writtenRow(c, toyCar, () => findChangeableToyCar(scope, id)))
      // else
      return c.var.respond(await writtenRow(c, toyCar, () => findToyCar(scope, id)))
      // end
    },
  )

  .delete(
    '/:id',
    // if soft
    doc('Deletes a toy car and returns it.', ToyCarResponse),
    // else
    //| doc('Deletes a toy car and returns it.', ToyCarResponse, { errors: [foreignKeyViolation] }),
    // end
    requireRole('editor'),
    validate('param', OneToyCar),
    ifMatch(),
    async (c) => {
      const scope = await scopeIn(c, c.req.valid('param'))
      const { id } = c.req.valid('param')
      const toyCar = await deleteToyCar(scope, id, c.var.versions)
      // if owned public
      //| return c.var.respond(await writtenRow(c, toyCar, () => findChangeableToyCar(scope, id)))
      // else
      return c.var.respond(await writtenRow(c, toyCar, () => findToyCar(scope, id)))
      // end
    },
  )

  // if soft

  .post(
    '/:id/restore',
    doc('Restores a toy car that was deleted, and returns it.', ToyCarResponse, {
      errors: [alreadyExists, exclusionViolation],
    }),
    requireRole('editor'),
    validate('param', OneToyCar),
    idempotent(),
    async (c) => {
      c.set('bodySchema', NewToyCar) // if another one has what this one had, the answer names these fields
      const scope = await scopeIn(c, c.req.valid('param'))
      return c.var.respond(await found(c, restoreToyCar(scope, c.req.valid('param').id)))
    },
  )
// end
// if ownlist

/** At a path of its own. */
export const ownToyCars = factory.createApp().get(
  '/',
  doc('Lists the toy cars that I have added, of all toy boxes.', z.array(ToyCarResponse), {
    ...LIST,
    etag: true,
  }),
  requireRole('readonly'),
  validate('query', listQuery(ownToyCarList)),
  async (c) => c.var.respond(await answerList(c, ownToyCarList, await scopeOf(c), c.req.valid('query'))),
)
// end
