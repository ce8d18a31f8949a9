// The two ways to write the same five routes: with this project's middleware, and in plain Hono.

export interface Style {
  name: string
  /** The source of one slice of five routes. */
  slice(name: string): string
  /** The source of the app that mounts the slices. */
  app(names: string[]): string
}

const SCHEMAS = `
const New = z.object({ title: z.string().min(1), note: z.string().nullish(), count: z.number().int() })
const Query = z.object({ page: z.string().optional(), search: z.string().max(200).optional() })
const One = z.object({ id: z.string().regex(/^\\d+$/) })

interface Row { id: string; title: string; note: string | null; count: number; created: Date }
declare function list(input: z.output<typeof Query>): Promise<Row[]>
declare function find(id: string): Promise<Row | undefined>
declare function create(input: z.output<typeof New>): Promise<Row>
declare function change(id: string, input: Partial<z.output<typeof New>>): Promise<Row>
declare function remove(id: string): Promise<Row>
`

/** Plain Hono has no word for it: what it is costs ours. */
const ANSWER = `
const Answer = z.object({
  id: z.string(),
  title: z.string(),
  note: z.string().nullable(),
  count: z.number(),
  created: z.iso.datetime(),
})
`

export const ours: Style = {
  name: 'ours',
  slice: (name) => `import { z } from 'zod'
import { factory, requireRole } from '../../../src/account/product.ts'
import { doc } from '../../../src/kit/http/doc.ts'
import { notFound } from '../../../src/kit/http/errors.ts'
import { validate } from '../../../src/kit/http/validate.ts'
${ANSWER}${SCHEMAS}
export const ${name} = factory
  .createApp()
  .get('/', doc('Lists.', z.array(Answer)), validate('query', Query), async (c) =>
    c.var.respond(await list(c.req.valid('query'))))
  .get('/:id', doc('Returns.', Answer), validate('param', One), async (c) => {
    const row = await find(c.req.valid('param').id)
    if (row === undefined) throw notFound(c)
    return c.var.respond(row)
  })
  .post('/', doc('Creates.', Answer, { status: 201 }), requireRole('editor'), validate('json', New), async (c) =>
    c.var.respond(await create(c.req.valid('json'))))
  .put('/:id', doc('Changes.', Answer), requireRole('editor'), validate('param', One), validate('json', New.partial()), async (c) =>
    c.var.respond(await change(c.req.valid('param').id, c.req.valid('json'))))
  .delete('/:id', doc('Deletes.', Answer), requireRole('editor'), validate('param', One), async (c) =>
    c.var.respond(await remove(c.req.valid('param').id)))
`,
  app: (names) => `import { factory } from '../../../src/account/product.ts'
${names.map((name) => `import { ${name} } from './${name}.ts'`).join('\n')}
const app = factory.createApp()${names.map((name) => `\n  .route('/api/${name}', ${name})`).join('')}
export type AppType = typeof app
`,
}

export const plain: Style = {
  name: 'plain',
  slice: (name) => `import { zValidator } from '@hono/zod-validator'
import { Hono } from 'hono'
import { HTTPException } from 'hono/http-exception'
import { z } from 'zod'
import type { AppEnv } from '../../../src/kit/http/env.ts'
${SCHEMAS}
export const ${name} = new Hono<AppEnv>()
  .get('/', zValidator('query', Query), async (c) => c.json(await list(c.req.valid('query')), 200))
  .get('/:id', zValidator('param', One), async (c) => {
    const row = await find(c.req.valid('param').id)
    if (row === undefined) throw new HTTPException(404)
    return c.json(row, 200)
  })
  .post('/', zValidator('json', New), async (c) => c.json(await create(c.req.valid('json')), 201))
  .put('/:id', zValidator('param', One), zValidator('json', New.partial()), async (c) =>
    c.json(await change(c.req.valid('param').id, c.req.valid('json')), 200))
  .delete('/:id', zValidator('param', One), async (c) => c.json(await remove(c.req.valid('param').id), 200))
`,
  app: (names) => `import { Hono } from 'hono'
import type { AppEnv } from '../../../src/kit/http/env.ts'
${names.map((name) => `import { ${name} } from './${name}.ts'`).join('\n')}
const app = new Hono<AppEnv>()${names.map((name) => `\n  .route('/api/${name}', ${name})`).join('')}
export type AppType = typeof app
`,
}
