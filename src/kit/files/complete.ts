// Makes an uploaded file ready: once its bytes are where no client can change them, and are found to be what was announced.
import type { KitDeps } from '../deps.ts'
import type { Task } from '../jobs/task.ts'
import { defineError } from '../types/api-error.ts'
import type { FileRow } from './files-table.ts'
import { type HasStore, type Purpose, storeOf } from './purposes.ts'
import type { FileQueries } from './queries.ts'
import { HEAD_BYTES, isOfType } from './signatures.ts'
import { fileMismatch, type FileStore } from './store.ts'

export const fileNotUploaded = defineError(
  409,
  'file_not_uploaded',
  'Its bytes are not there yet: upload them first',
)

/** Of a form, until the bytes have told it. */
export const NO_SHA256 = '0'.repeat(64)

interface Parts {
  queries: FileQueries
  checkFile: Task
}

/**
 * It may be called again, and by two at once: each keeps a copy of its own, and one of them counts. Whatever dies on the way leaves
 * a file that is still pending, which is completed again, and at most a copy that the sweep takes.
 * @throws fileNotUploaded; fileMismatch: then nothing is there any more
 */
export async function complete(
  deps: KitDeps & HasStore,
  { queries, checkFile }: Parts,
  file: FileRow,
  purpose: Purpose,
): Promise<FileRow | undefined> {
  if (file.state !== 'pending') return file
  if (file.sha256 === NO_SHA256) throw fileNotUploaded() // a form, on its way
  const { db, enqueue, log } = deps
  const store = storeOf(deps)
  const { id } = file
  const drop = (name: string) =>
    store.remove(name).catch((error: unknown) => log.warn('bytes stay until the sweep', { name, error }))
  const object = await store.keep(file)
  if (object === undefined) {
    const now = await queries.find(db, id)
    if (now?.state === 'pending') throw fileNotUploaded()
    return now
  }
  if (!(await isAsAnnounced(store, object, file))) {
    await drop(object)
    throw fileMismatch()
  }
  const to = purpose.check ? 'checking' : 'ready'
  const moved = await db.transaction(async (tx) => {
    const row = await queries.move(tx, id, ['pending', to], { object, sha256: file.sha256 })
    if (row && to === 'checking') await enqueue(tx, checkFile, { id })
    return row
  })
  await drop(moved ? `incoming/${id}` : object)
  return moved ?? queries.find(db, id)
}

async function isAsAnnounced(store: FileStore, object: string, file: FileRow): Promise<boolean> {
  const found = await store.inspect(object, { digest: true })
  if (found?.size !== file.size || (found.sha256 ?? file.sha256) !== file.sha256) return false
  const head = await store.read(object, HEAD_BYTES)
  return head !== undefined && isOfType(file.type, new Uint8Array(await new Response(head).arrayBuffer()))
}
