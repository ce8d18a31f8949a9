// The tests' own guard: an answer that its route does not declare fails the test that caused it.
import { expect, test } from 'bun:test'
import { z } from 'zod'
import { doc } from '../../../src/kit/http/doc.ts'
import { ApiError, defineError } from '../../../src/kit/types/api-error.ts'
import { factory } from '../product/product.ts'
import { startApp } from './harness.ts'

const Thing = z.object({ name: z.string(), made: z.iso.datetime() })
const made = new Date()

test('the compiler refuses an answer of another shape than the documented one', () => {
  factory
    .createApp()
    .get('/fits', doc('Fits.', Thing), (c) => c.var.respond({ name: 'a', made }))
    // @ts-expect-error a number is no name
    .get('/wrong', doc('Wrong.', Thing), (c) => c.var.respond({ name: 1, made }))
    // @ts-expect-error it has no date
    .get('/less', doc('Less.', Thing), (c) => c.var.respond({ name: 'a' }))
    // @ts-expect-error it is a list
    .get('/list', doc('List.', z.array(Thing)), (c) => c.var.respond({ name: 'a', made }))
})

test('the compiler refuses an answer with a field more than the documented ones, however deep', () => {
  const row = { name: 'a', made, hash: 'secret' }
  const Deep = z.object({ thing: Thing.optional(), things: z.array(Thing.nullable()), any: z.unknown() })
  const fits = { thing: { name: 'a', made }, things: [{ name: 'a', made }, null], any: row }
  factory
    .createApp()
    .get('/fits', doc('Fits.', Deep), (c) => c.var.respond(fits))
    // @ts-expect-error no hash is declared
    .get('/one', doc('One.', Thing), (c) => c.var.respond(row))
    // @ts-expect-error nor in a list
    .get('/list', doc('List.', z.array(Thing)), (c) => c.var.respond([row]))
    // @ts-expect-error nor in what is optional
    .get('/optional', doc('Optional.', Deep), (c) => c.var.respond({ ...fits, thing: row }))
    // @ts-expect-error nor in what may be null
    .get('/nullable', doc('Nullable.', Deep), (c) => c.var.respond({ ...fits, things: [row] }))
})

test.each([
  [
    'a status',
    () => {
      throw new ApiError(409, 'Taken')
    },
    'answered 409 conflict; declared are 200, 400 invalid_request, 400 account_disabled, ',
  ],
  [
    'a code',
    () => {
      throw new ApiError(400, 'Sold out', { code: 'sold_out' })
    },
    'answered 400 sold_out; declared are 200, 400 invalid_request, ',
  ],
  [
    'a 500',
    () => {
      throw new Error('a bug')
    },
    'answered 500 internal_error; declared',
  ],
  [
    'another success',
    () => Response.json({ name: 'a', made }, { status: 201 }),
    'answered 201; declared are 200, 400 ',
  ],
  ['another shape', () => Response.json({ name: 5, made }), 'answered what its schema does not allow'],
  [
    'a field more',
    () => Response.json({ name: 'a', made, hash: 'secret' }),
    'answered more than its schema names',
  ],
  ['no JSON', () => new Response('hello'), 'answered what its schema does not allow'],
])('%s that is not declared is found', async (_name, handler: () => Response, message) => {
  const app = await startApp()
  try {
    app.deps.log.error = () => {} // the 500 is meant
    app.app.get('/api/thing', doc('A thing.', Thing), handler)
    await expect(app.visitor().get('/api/thing')).rejects.toThrow(`GET /api/thing ${message}`)
    // Whoever called: a browser or a socket has no test that would fail by itself.
    await fetch(`${app.url}/api/thing`)
    await expect(app.close()).rejects.toThrow(`GET /api/thing ${message}`)
  } finally {
    await app.close()
  }
})

test('what is declared passes, by its kind, or by a status for an error of its common kind', async () => {
  const app = await startApp()
  const soldOut = defineError(410, 'sold_out', 'Sold out')
  try {
    const options = { otherStatuses: [409], errors: [soldOut] }
    app.app.get('/api/thing', doc('A thing.', Thing, options), (c) => {
      if (c.req.query('taken')) throw new ApiError(409, 'Taken')
      if (c.req.query('late')) throw soldOut({ message: 'Sold out since noon' })
      return c.json({ name: 'a', made }, 200)
    })
    expect((await app.visitor().get('/api/thing')).status).toBe(200)
    const taken = await app.visitor().get('/api/thing?taken=1')
    expect([taken.status, taken.body]).toMatchObject([409, { err: '409: Taken', code: 'conflict' }])
    const late = await app.visitor().get('/api/thing?late=1')
    expect([late.status, late.body]).toMatchObject([
      410,
      { err: '410: Sold out since noon', code: 'sold_out' },
    ])
  } finally {
    await app.close()
  }
})
