// Takes a small file in one request, as a form: its bytes pass through the service, piece by piece, to wherever files lie.
import { eq } from 'drizzle-orm'
import { z } from 'zod'
import { noStore } from '../http/caching.ts'
import { doc } from '../http/doc.ts'
import type { AnyContext, AnyProduct } from '../http/env.ts'
import { notFound } from '../http/errors.ts'
import { appFactory } from '../http/factory.ts'
import type { Answer } from '../http/respond.ts'
import { checkValue } from '../http/validate.ts'
import { validateFile } from '../http/validate-file.ts'
import { complete, NO_SHA256 } from './complete.ts'
import { fileName } from './names.ts'
import { depsOf, type Purpose, storeOf } from './purposes.ts'
import { fileQuotaExceeded, fileQueries } from './queries.ts'
import type { FileOptions } from './routes.ts'
import { FileResponse, newFile, shown } from './schema.ts'
import { fileMismatch, storageFull } from './store.ts'

/** Larger ones go by `POST /api/files`. */
const MAX_BYTES = 10 * 1024 ** 2
/** What a form has besides. */
const FIELDS_BYTES = 64 * 1024
const TIMEOUT_MS = 2 * 60_000

export function formRoutes<P extends AnyProduct>(options: FileOptions<P>) {
  const { table, purposes, tasks, requireRole, roles } = options
  const queries = fileQueries(table)
  const Input = newFile(purposes)
  const Fields = z.object({ purpose: z.enum(Object.keys(purposes) as [string, ...string[]]) })

  return appFactory<P>()
    .createApp()
    .post(
      '/',
      noStore,
      doc(
        'Uploads a small file at once: a form with `purpose` and, as its last part, `file`. Returns it as `complete` does.',
        FileResponse,
        { status: 201, errors: [fileQuotaExceeded, fileMismatch, storageFull] },
      ),
      requireRole(roles.upload),
      validateFile(Fields, { maxBytes: MAX_BYTES + FIELDS_BYTES, timeoutMs: TIMEOUT_MS }),
      async (c): Promise<Answer<typeof FileResponse, 201>> => {
        const { purpose } = c.req.valid('form')
        const { bytes, name, type, size } = c.var.file
        const given = await checkValue(c, 'form', Input, { purpose, name, type, size, sha256: NO_SHA256 })
        const wanted = purposes[purpose] as Purpose<P>
        const deps = depsOf(c as AnyContext)
        const file = { ...given, name: fileName(name, type) }
        const row = await queries.reserve(deps.db, c.var.session.userId, file, wanted)
        try {
          const sha256 = await storeOf(deps).write({ ...row, sha256: undefined }, bytes)
          const parts = { queries, checkFile: tasks.checkFile }
          const done = await complete(deps, parts, { ...row, sha256 }, wanted)
          if (done === undefined) throw notFound(c)
          return c.var.respond(shown(done))
        } catch (error) {
          await queries.remove(deps, tasks.deleteBytes, eq(table.id, row.id))
          throw error
        }
      },
    )
}
