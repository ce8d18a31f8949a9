// A slice that exists in tests only: a thing to read and to write, so that no promise needs a resource of the product.
import { sql } from 'drizzle-orm'
import { z } from 'zod'
import { doc } from '../../../src/kit/http/doc.ts'
import type { AnyProduct } from '../../../src/kit/http/env.ts'
import { appFactory } from '../../../src/kit/http/factory.ts'
import type { RequireRole } from '../../../src/kit/auth/guards.ts'
import type { Store } from '../../../src/kit/types/store.ts'
import { staleDb } from '../../../src/kit/http/stale.ts'
import { RowId, validate } from '../../../src/kit/http/validate.ts'

const Note = z.object({ title: z.string().min(1).max(500), note: z.string().max(500).nullish() })

export const PROBE = '/api/probe'
const MAX_KEPT = 100

/** @param least the role that writes */
export const probe = <P extends AnyProduct>(requireRole: RequireRole<P>, least: P['Role']) =>
  appFactory<P>()
    .createApp()
    .get('/', doc('Asks Postgres.', z.array(z.unknown())), async (c) => {
      await c.var.db.execute(sql`select 1`)
      return c.var.respond([])
    })
    .get(
      '/stale',
      doc('Says which database has answered, and of which server.', z.array(z.string())),
      async (c) => {
        const db = await staleDb(c)
        const [row] = await db.execute(
          sql`select current_database() as name, current_setting('cluster_name') as server`,
        )
        return c.var.respond([String(row?.name), String(row?.server)])
      },
    )
    .post(
      '/',
      doc('Takes a note.', Note, { status: 201 }),
      requireRole(least),
      validate('json', Note),
      async (c) => {
        await c.var.db.execute(sql`select 1`)
        return c.var.respond(c.req.valid('json'))
      },
    )
    .get('/kept', doc('Lists the notes that were kept.', z.array(Note)), async (c) => {
      const { store }: { store: Store } = c.var
      return c.var.respond(await store.all<z.infer<typeof Note>>('probe'))
    })
    .post(
      '/kept',
      doc('Keeps a note.', Note, { status: 201 }),
      requireRole(least),
      validate('json', Note),
      async (c) => {
        await c.var.store.append('probe', c.req.valid('json'), MAX_KEPT)
        return c.var.respond(c.req.valid('json'))
      },
    )
    .put(
      '/:id',
      doc('Changes a note.', Note.partial()),
      requireRole(least),
      validate('param', z.object({ id: RowId })),
      validate('json', Note.partial()),
      (c) => c.var.respond(c.req.valid('json')),
    )
