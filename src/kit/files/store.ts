// Declares where the bytes of files lie, as routes and tasks see it. A folder and a bucket do the same.
import { defineError } from '../types/api-error.ts'
import type { Secrets } from '../types/secrets.ts'

/** What a client may upload: these bytes and no others. */
export interface Expected {
  id: string
  /** Bytes. */
  size: number
  type: string
  /** In hex. */
  sha256: string
}

/** A request that uploads without any session, as it stands: other headers or bytes are refused. */
export interface Upload {
  method: 'PUT'
  /** Relative to this service, if it takes the bytes itself. */
  url: string
  headers: Record<string, string>
  /** Until then it has to begin. */
  expires: Date
}

/** What a link leads to. */
export interface Linked {
  object: string
  name: string
  type: string
  isPublic: boolean
}

/** For as long an upload may begin. */
export const UPLOAD_MS = 15 * 60_000
/** For as long a link to a private file works. */
export const LINK_MS = 5 * 60_000

/** The name of another copy of a file. */
export const keptName = (id: string): string => `kept/${id}.${crypto.randomUUID().slice(0, 8)}`

/** Names are a store's own: `incoming/<id>` is what a client has uploaded, `kept/<id>.<random>` a copy that no client can write. */
export interface FileStore {
  signUpload(file: Expected, secrets: Secrets): Promise<Upload>
  signLink(file: Linked, secrets: Secrets): Promise<string>
  /** Copies what was uploaded to an object that stays as it is, and returns its name. Undefined: nothing was uploaded. */
  keep(file: Expected): Promise<string | undefined>
  /**
   * Takes an upload that passes through the service, piece by piece: it is there whole, or not at all.
   * @param file its SHA-256 only where that is known
   * @returns the SHA-256
   * @throws fileMismatch, storageFull, uploadInProgress
   */
  write(
    file: Omit<Expected, 'sha256'> & { sha256?: string | undefined },
    body: AsyncIterable<Uint8Array>,
  ): Promise<string>
  /** Undefined: there is no such object. The digest is read or computed where asked for. */
  inspect(object: string, options?: { digest: boolean }): Promise<Inspected | undefined>
  /** @param end bytes, if not all */
  read(object: string, end?: number): Promise<ReadableStream<Uint8Array> | undefined>
  /** What is not there is removed already. */
  remove(name: string): Promise<void>
  list(): AsyncIterable<Stored>
  /** Of a folder, whose bytes pass through this service: reads nothing before its bytes are asked for. */
  open?(object: string): Promise<Blob | undefined>
}

export interface Stored {
  name: string
  modified: Date
}

export interface Inspected {
  size: number
  /** In hex. Undefined: not asked for, or checked when it came. */
  sha256?: string | undefined
}

export const fileMismatch = defineError(
  422,
  'file_mismatch',
  'The bytes are not those that were announced: their number, their SHA-256 or their type is another',
)
export const uploadInProgress = defineError(
  409,
  'upload_in_progress',
  'This file is being uploaded already: wait for that, or try again in a moment',
)
export const storageFull = defineError(
  507,
  'storage_full',
  'There is no room for this file now: try again later',
)
