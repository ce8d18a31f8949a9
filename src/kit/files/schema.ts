// Defines what a client sends and sees of a file.
import { z } from 'zod'
import { publicFields } from '../data/public-fields.ts'
import type { AnyProduct } from '../http/env.ts'
import type { FileRow, FilesTable } from './files-table.ts'
import type { Purposes } from './purposes.ts'

export const FileResponse = z
  .object({
    id: z.uuid(),
    purpose: z.string(),
    name: z.string(),
    type: z.string(),
    size: z.number().describe('Bytes.'),
    sha256: z.string(),
    state: z
      .enum(['pending', 'checking', 'ready', 'refused', 'lost'])
      .describe('`pending`: its bytes are awaited. `checking`: a job decides. `ready`: to be read.'),
    created: z.iso.datetime(),
  })
  .meta({ id: 'File' })

/** Export it from a `table.ts` of yours, beside the table. */
export const publicFiles = (table: FilesTable) => publicFields(table, FileResponse, {})

export const shown = ({ id, purpose, name, type, size, sha256, state, created }: FileRow) => {
  return { id, purpose, name, type, size, sha256, state, created }
}

export const UploadResponse = FileResponse.extend({
  upload: z
    .object({
      method: z.literal('PUT'),
      url: z.string(),
      headers: z.record(z.string(), z.string()),
      expires: z.iso.datetime().describe('Until then it has to begin.'),
    })
    .describe('The request that uploads the bytes, just as it stands. Then `POST /api/files/:id/complete`.'),
}).meta({ id: 'FileUpload' })

/** What a file for one of these purposes may be. */
export function newFile<P extends AnyProduct>(purposes: Purposes<P>) {
  const names = Object.keys(purposes) as [string, ...string[]]
  return z
    .object({
      purpose: z.enum(names),
      name: z.string().min(1, 'must not be empty').max(500),
      type: z.string().max(200),
      size: z.int().min(1).describe('Bytes.'),
      sha256: z
        .string()
        .max(64)
        .regex(/^[0-9a-f]{64}$/, 'must be 64 hexadecimal digits in lower case')
        .meta({ examples: ['e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'] }),
    })
    .superRefine(({ purpose, type, size }, context) => {
      const { types = [], maxBytes = 0 } = purposes[purpose] ?? {}
      const refuse = (path: string, message: string) =>
        context.addIssue({ code: 'custom', path: [path], message })
      if (!types.includes(type)) refuse('type', `must be one of: ${types.join(', ')}`)
      if (size > maxBytes) refuse('size', `must be ${maxBytes} bytes at most`)
    })
}
