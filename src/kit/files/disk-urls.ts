// Signs URLs of files on disk: what one allows is sealed into it by SECRET_KEYS, and bound to the file that it names. They are
// relative: the service does not know by which of its names a client reaches it.
import { z } from 'zod'
import { ConfigError } from '../types/config-error.ts'
import { defineError } from '../types/api-error.ts'
import type { Secrets } from '../types/secrets.ts'
import { type Expected, LINK_MS, type Linked, type Upload, UPLOAD_MS } from './store.ts'

export const linkInvalid = defineError(
  403,
  'link_invalid',
  'This link has expired, or is not one of ours: ask for another',
)

const Sealed = z.object({
  id: z.string(),
  size: z.number(),
  type: z.string(),
  sha256: z.string(),
  until: z.number(),
})

export async function sealUpload(file: Expected, secrets: Secrets): Promise<Upload> {
  const until = Date.now() + UPLOAD_MS
  const { id, size, type, sha256 } = file
  const token = await secrets.seal('files.upload', id, JSON.stringify({ id, size, type, sha256, until }))
  const url = `/api/files/${id}/incoming?token=${token}`
  return { method: 'PUT', url, headers: { 'Content-Type': type }, expires: new Date(until) }
}

/** @throws linkInvalid */
export async function openUpload(id: string, token: string, secrets: Secrets): Promise<Expected> {
  const { until, ...file } = Sealed.parse(JSON.parse(await unseal('files.upload', id, token, secrets)))
  if (Date.now() > until) throw linkInvalid()
  return file
}

export async function sealLink({ object }: Linked, secrets: Secrets): Promise<string> {
  const token = await secrets.seal('files.link', object, String(Date.now() + LINK_MS))
  const [, name = ''] = object.split('/')
  return `/api/files/${name}/kept?token=${token}`
}

/** @throws linkInvalid */
export async function assertLink(object: string, token: string, secrets: Secrets): Promise<void> {
  if (Date.now() > Number(await unseal('files.link', object, token, secrets))) throw linkInvalid()
}

async function unseal(purpose: string, owner: string, token: string, secrets: Secrets): Promise<string> {
  try {
    return await secrets.open(purpose, owner, token)
  } catch (error) {
    throw error instanceof ConfigError ? error : linkInvalid()
  }
}
