// Uploads files as a client does: announces one, sends its bytes to where the answer says, and says that they are there.
import { createHash } from 'node:crypto'
import { files } from '../../src/files/table.ts'
import type { FileState } from '../../src/kit/files/files-table.ts'
import type { Db } from '../../src/kit/types/db.ts'
import type { Client } from '../kit/support/client.ts'

export const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

const latin1 = (text: string) => Uint8Array.from(text, (c) => c.charCodeAt(0))
/** Bytes that begin as a type does; `more` makes them unlike others. */
export const png = (more = '') => latin1(`\x89PNG\r\n\x1a\n${more}`)
export const pdf = (more = '') => latin1(`%PDF-1.7\n${more}`)

/** What announces these bytes. */
export const announcement = (bytes: Uint8Array, more: Record<string, unknown> = {}) => {
  const about = { purpose: 'document', name: 'letter.pdf', type: 'application/pdf' }
  return { ...about, size: bytes.length, sha256: sha256(bytes), ...more }
}

export interface Announced {
  id: string
  upload: { method: string; url: string; headers: Record<string, string> }
}

export async function announce(client: Client, bytes: Uint8Array, more: Record<string, unknown> = {}) {
  const reply = await client.post('/api/files', announcement(bytes, more))
  if (reply.status !== 201) throw new Error(`announced in vain: ${reply.text}`)
  return reply.body as Announced
}

/** As a client reads a URL that may be relative. */
export const resolve = (client: Client, url: string) => new URL(url, client.url).href

/** Sends bytes as the announcement says, without any session. */
export const send = (
  client: Client,
  { upload }: Pick<Announced, 'upload'>,
  bytes: Uint8Array,
  headers: Record<string, string> = {},
) =>
  fetch(resolve(client, upload.url), {
    method: upload.method,
    headers: { ...upload.headers, ...headers },
    body: bytes,
  })

export const complete = (client: Client, { id }: Pick<Announced, 'id'>) =>
  client.post(`/api/files/${id}/complete`)

/** A file that is ready, or whatever its purpose makes of it. */
export async function uploaded(client: Client, bytes: Uint8Array, more: Record<string, unknown> = {}) {
  const file = await announce(client, bytes, more)
  const sent = await send(client, file, bytes)
  if (!sent.ok) throw new Error(`sent in vain: ${await sent.text()}`)
  const reply = await complete(client, file)
  if (reply.status !== 200) throw new Error(`completed in vain: ${reply.text}`)
  return reply.body as Announced & { state: string; name: string }
}

/** The link to a file's bytes. */
export async function linkOf(client: Client, id: string): Promise<string> {
  const reply = await client.get(`/api/files/${id}/content`)
  if (reply.status !== 302) throw new Error(`no link: ${reply.text}`)
  return resolve(client, reply.headers.get('location') ?? '')
}

/** The id of a file that was not uploaded: a row alone, for what refers to one. */
export async function addFile(
  { db, me }: { db: Db; me: string },
  purpose: string,
  state: FileState = 'ready',
): Promise<string> {
  const about = { name: 'a file', type: 'image/png', size: 1, sha256: sha256(png()) }
  const [row] = await db
    .insert(files)
    .values({ account: me, purpose, state, ...about })
    .returning({ id: files.id })
  if (row === undefined) throw new Error('insert returned no row')
  return row.id
}
