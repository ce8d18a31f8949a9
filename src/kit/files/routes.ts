// Serves files over HTTP: makes and completes uploads, and leads whoever may read one to its bytes.
import { and, eq } from 'drizzle-orm'
import { z } from 'zod'
import type { RequireRole } from '../auth/guards.ts'
import { defineList } from '../data/list.ts'
import type { Scope } from '../data/scope.ts'
import { noStore } from '../http/caching.ts'
import { doc } from '../http/doc.ts'
import type { AnyContext, AnyProduct } from '../http/env.ts'
import { notFound } from '../http/errors.ts'
import { appFactory } from '../http/factory.ts'
import { answerList, LIST, listQuery } from '../http/list-query.ts'
import { foreignKeyViolation } from '../http/sql-refusals.ts'
import type { Answer } from '../http/respond.ts'
import { validate } from '../http/validate.ts'
import { complete, fileNotUploaded } from './complete.ts'
import { serveFile, SERVED } from './disk-routes.ts'
import type { FileRow, FilesTable } from './files-table.ts'
import { fileName } from './names.ts'
import { depsOf, type Purpose, type Purposes, storeOf } from './purposes.ts'
import { fileQuotaExceeded, fileQueries } from './queries.ts'
import { FileResponse, newFile, type publicFiles, shown, UploadResponse } from './schema.ts'
import { fileMismatch, storageFull } from './store.ts'
import type { fileTasks } from './tasks.ts'

export interface FileOptions<P extends AnyProduct> {
  table: FilesTable
  fields: ReturnType<typeof publicFiles>
  purposes: Purposes<P>
  tasks: ReturnType<typeof fileTasks<P>>
  requireRole: RequireRole<P>
  /** The lowest that uploads and deletes, and the lowest that reads. */
  roles: { upload: P['Role']; read: P['Role'] }
}

const OneFile = z.object({ id: z.uuid() })
const Files = z.array(FileResponse)
type Shown = Answer<typeof FileResponse>
/** The link under it is another every day, and works for two. */
const PUBLIC_LINK = 'public, max-age=3600'

export function fileRoutes<P extends AnyProduct>(options: FileOptions<P>) {
  const { table, fields, purposes, tasks, requireRole, roles } = options
  const queries = fileQueries(table)
  const own = ({ me }: Scope) => eq(table.account, me)
  const list = defineList(fields, { visible: own, sort: '-created', filters: ['purpose', 'state'] })
  const scopeOf = ({ var: { db, session } }: AnyContext): Scope<P['Role']> => {
    return { db, me: session.userId, role: session.role }
  }
  const purposeOf = ({ purpose }: FileRow): Purpose<P> | undefined => purposes[purpose]

  async function findOwn(c: AnyContext, id: string): Promise<FileRow> {
    const row = await queries.find(c.var.db, id)
    if (row === undefined || row.account !== c.var.session.userId) throw notFound(c)
    return row
  }
  /** One's own, or what its purpose lets one read. */
  async function findReadable(c: AnyContext, id: string): Promise<FileRow> {
    const scope = scopeOf(c)
    const row = await queries.find(scope.db, id)
    const mayRead =
      row && (row.account === scope.me || purposeOf(row)?.isPublic || purposeOf(row)?.mayRead?.(row, scope))
    if (row?.state !== 'ready' || !(await mayRead)) throw notFound(c)
    return row
  }
  const linkTo = (c: AnyContext, row: FileRow): Promise<string> => {
    const { name, type, object } = row
    const linked = { object: object ?? '', name, type, isPublic: purposeOf(row)?.isPublic === true }
    return storeOf(depsOf(c)).signLink(linked, c.var.secrets)
  }

  return appFactory<P>()
    .createApp()

    .get(
      '/',
      noStore,
      doc('Lists my files.', Files, LIST),
      requireRole(roles.read),
      validate('query', listQuery(list)),
      async (c): Promise<Answer<typeof Files>> => {
        return c.var.respond(await answerList(c, list, scopeOf(c), c.req.valid('query')))
      },
    )

    .post(
      '/',
      noStore,
      doc(
        'Announces a file, and returns the request that uploads it: the store takes these bytes and no others.',
        UploadResponse,
        { status: 201, errors: [fileQuotaExceeded] },
      ),
      requireRole(roles.upload),
      validate('json', newFile(purposes)),
      async (c): Promise<Answer<typeof UploadResponse, 201>> => {
        const input = c.req.valid('json')
        const purpose = purposes[input.purpose] as Purpose<P>
        const file = { ...input, name: fileName(input.name, input.type) }
        const row = await queries.reserve(c.var.db, c.var.session.userId, file, purpose)
        const upload = await storeOf(depsOf(c)).signUpload(row, c.var.secrets)
        return c.var.respond({ ...shown(row), upload })
      },
    )

    .post(
      '/:id/complete',
      noStore,
      doc('Says that my file is uploaded. Its bytes are checked, and it is ready, or soon.', FileResponse, {
        errors: [fileNotUploaded, fileMismatch, storageFull],
      }),
      requireRole(roles.upload),
      validate('param', OneFile),
      async (c): Promise<Shown> => {
        const row = await findOwn(c, c.req.valid('param').id)
        const purpose = purposeOf(row)
        if (purpose === undefined) throw notFound(c)
        const done = await complete(depsOf(c), { queries, checkFile: tasks.checkFile }, row, purpose)
        if (done === undefined) throw notFound(c)
        return c.var.respond(shown(done))
      },
    )

    .get(
      '/:id',
      noStore,
      doc('Returns my file.', FileResponse),
      requireRole(roles.read),
      validate('param', OneFile),
      async (c): Promise<Shown> => c.var.respond(shown(await findOwn(c, c.req.valid('param').id))),
    )

    .get(
      '/:id/content',
      noStore,
      doc('Leads to the bytes of a file that I may read, by a link of some minutes.', null, {
        status: 302,
        headers: { Location: 'The link. It needs no session.' },
      }),
      requireRole(roles.read),
      validate('param', OneFile),
      async (c) => c.redirect(await linkTo(c, await findReadable(c, c.req.valid('param').id)), 302),
    )

    .get(
      '/:id/public',
      doc('Returns the bytes of a public file, or leads to them.', '*/*', {
        ...SERVED,
        otherStatuses: [...SERVED.otherStatuses, 302],
      }),
      validate('param', OneFile),
      async (c) => {
        const row = await queries.find(c.var.db, c.req.valid('param').id)
        if (row?.state !== 'ready' || !purposeOf(row)?.isPublic) throw notFound(c)
        const store = storeOf(depsOf(c))
        if (store.open) return serveFile(c, store, row, { isPublic: true })
        c.header('Cache-Control', PUBLIC_LINK)
        return c.redirect(await linkTo(c, row), 302)
      },
    )

    .delete(
      '/:id',
      doc('Deletes my file and returns it. One that something refers to stays.', FileResponse, {
        errors: [foreignKeyViolation],
      }),
      requireRole(roles.upload),
      validate('param', OneFile),
      async (c): Promise<Shown> => {
        const row = await findOwn(c, c.req.valid('param').id)
        const where = and(eq(table.id, row.id), eq(table.account, c.var.session.userId))
        if ((await queries.remove(c.var, tasks.deleteBytes, where)) === 0) throw notFound(c)
        return c.var.respond(shown(row))
      },
    )
}
