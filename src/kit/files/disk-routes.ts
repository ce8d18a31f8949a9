// Takes and serves the bytes of files on disk, by signed URLs, as a bucket would: piece by piece, never whole in memory.
import { z } from 'zod'
import { doc } from '../http/doc.ts'
import type { AnyContext, AnyProduct } from '../http/env.ts'
import { notFound } from '../http/errors.ts'
import { appFactory } from '../http/factory.ts'
import { widenPolicy } from '../http/security-headers.ts'
import { streamsBody } from '../http/streamed-body.ts'
import { validate } from '../http/validate.ts'
import { defineError, unsupportedMediaType } from '../types/api-error.ts'
import { assertUrl, linkInvalid } from './disk-urls.ts'
import type { FileRow, FilesTable } from './files-table.ts'
import { caching, disposition } from './names.ts'
import { depsOf, type Purposes, storeOf } from './purposes.ts'
import { fileQueries } from './queries.ts'
import { fileMismatch, type FileStore, storageFull, uploadInProgress } from './store.ts'

/** The longest upload: 5 GB at 12 Mbit/s. */
const UPLOAD_TIMEOUT_MS = 60 * 60_000

export const rangeNotSatisfiable = defineError(416, 'range_not_satisfiable', 'The file has no such bytes')

/** What the `doc` of a route says that serves bytes. */
export const SERVED = { otherStatuses: [206, 304], errors: [rangeNotSatisfiable] }

const OneUpload = z.object({ id: z.uuid() })
const OneObject = z.object({
  object: z
    .string()
    .regex(/^[0-9a-f-]{36}\.[0-9a-f]{8}$/)
    .meta({ examples: ['7e0b1c52-1d3c-4c5f-9a58-3f1d2f0e6a01.0f1e2d3c'] }),
})
const Signed = z.object({ token: z.string().max(1000) })

export function diskRoutes<P extends AnyProduct>(table: FilesTable, purposes: Purposes<P>) {
  const queries = fileQueries(table)
  const maxBytes = Math.max(...Object.values(purposes).map((purpose) => purpose.maxBytes))
  const diskOf = (c: AnyContext): FileStore => {
    const store = storeOf(depsOf(c))
    if (!store.open) throw notFound(c) // a bucket has URLs of its own
    return store
  }

  return appFactory<P>()
    .createApp()

    .put(
      '/:id/incoming',
      doc('Takes the bytes of a file, by the URL that its announcement has returned.', null, {
        status: 204,
        errors: [linkInvalid, fileMismatch, storageFull, unsupportedMediaType, uploadInProgress],
      }),
      streamsBody({ maxBytes, timeoutMs: UPLOAD_TIMEOUT_MS }),
      validate('param', OneUpload),
      validate('query', Signed),
      async (c) => {
        const store = diskOf(c)
        const { id } = c.req.valid('param')
        await assertUrl('incoming', id, c.req.valid('query').token, c.var.secrets)
        const file = await queries.find(c.var.db, id)
        if (file?.state !== 'pending') throw notFound(c)
        if (c.req.header('content-type') !== file.type)
          throw unsupportedMediaType({ message: `Content-Type must be ${file.type}` })
        if (Number(c.req.header('content-length')) !== file.size) throw fileMismatch()
        await store.write(file, pieces(c))
        return c.body(null, 204)
      },
    )

    .get(
      '/:object/kept',
      doc('Returns the bytes of a file, by a link.', '*/*', {
        ...SERVED,
        errors: [...SERVED.errors, linkInvalid],
      }),
      validate('param', OneObject),
      validate('query', Signed),
      async (c) => {
        const store = diskOf(c)
        const { object } = c.req.valid('param')
        await assertUrl('kept', object, c.req.valid('query').token, c.var.secrets)
        const [id = ''] = object.split('.')
        const row = await queries.find(c.var.db, id)
        if (row?.object !== `kept/${object}` || row.state !== 'ready') throw notFound(c) // deleted since it was linked to
        return serveFile(c, store, row, { isPublic: false })
      },
    )
}

/** The body, until the request's time is over. */
async function* pieces(c: AnyContext): AsyncGenerator<Uint8Array> {
  const signal: AbortSignal = c.var.signal()
  const body = c.req.raw.body as AsyncIterable<Uint8Array> | null
  for await (const piece of body ?? []) {
    signal.throwIfAborted()
    yield piece
    // Written by now: given back at once, as it comes faster than it would be collected. Node 20 has no such method.
    const buffer = piece.buffer as Partial<ArrayBuffer>
    buffer.transfer?.(0)
  }
}

/** Sends a file, or the range of it that is asked for. Nothing in it is executed, whatever it says. */
export async function serveFile(
  c: AnyContext,
  store: FileStore,
  file: Pick<FileRow, 'name' | 'object' | 'sha256' | 'size' | 'type'>,
  { isPublic }: { isPublic: boolean },
): Promise<Response> {
  const { name, object, sha256, size, type } = file
  const blob = await store.open?.(object ?? '')
  if (blob === undefined) throw notFound(c)
  const etag = `"${sha256}"`
  widenPolicy(c, { sandbox: '', 'media-src': "'self'" })
  c.header('Content-Disposition', disposition(name, type))
  c.header('ETag', etag)
  c.header('Accept-Ranges', 'bytes')
  c.header('Cache-Control', caching(isPublic))
  if (c.req.header('if-none-match') === etag) return c.body(null, 304)
  const range = rangeOf(c.req.header('range'), c.req.header('if-range') ?? etag, etag, size)
  if (range === 'none') throw rangeNotSatisfiable({ headers: { 'Content-Range': `bytes */${size}` } })
  const { headers } = c.body(null)
  headers.set('Content-Type', type)
  if (range === undefined) return new Response(blob.slice(0, size, type), { headers })
  const [start, end] = range
  headers.set('Content-Range', `bytes ${start}-${end}/${size}`)
  return new Response(blob.slice(start, end + 1, type), { status: 206, headers })
}

/** First and last byte; undefined: all of it, as for several ranges at once; `none`: it has none of these. */
function rangeOf(asked: string | undefined, ifRange: string, etag: string, size: number) {
  const [, first = '', last = ''] = /^bytes=(\d*)-(\d*)$/.exec(asked ?? '') ?? []
  if (first + last === '' || ifRange !== etag) return undefined
  const start = first === '' ? Math.max(0, size - Number(last)) : Number(first)
  const end = first === '' || last === '' ? size - 1 : Math.min(Number(last), size - 1)
  if (first !== '' && last !== '' && Number(last) < start) return undefined // no range at all
  return start >= size || start > end ? 'none' : ([start, end] as const)
}
