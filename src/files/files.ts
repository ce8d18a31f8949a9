// Declares what files are for: which types and how many of them an account has, and who reads them.
import { type Product, requireRole } from '../account/product.ts'
import type { Scope } from '../account/scope.ts'
import { assertPurposes, type Purposes } from '../kit/files/purposes.ts'
import { fileQueries } from '../kit/files/queries.ts'
import { fileTasks } from '../kit/files/tasks.ts'
import { files, publicFile } from './table.ts'

const MB = 1024 ** 2

export const purposes = {
  /** For a field `photo:file(image)`. */
  image: {
    types: ['image/png', 'image/jpeg', 'image/webp', 'image/avif', 'image/gif'],
    maxBytes: 10 * MB,
    maxCount: 1000,
    maxTotalBytes: 1000 * MB,
    isPublic: true,
    isAttached: true,
  },
  document: {
    types: ['application/pdf', 'text/plain', 'text/csv', 'application/zip'],
    maxBytes: 100 * MB,
    maxCount: 100,
    maxTotalBytes: 1000 * MB,
  },
} as const satisfies Purposes<Product>

assertPurposes<Product>(purposes)

export const fileJobs = fileTasks<Product>(files, purposes)

/** What `fileRoutes` takes. */
export const fileOptions = {
  table: files,
  fields: publicFile,
  purposes,
  tasks: fileJobs,
  requireRole,
  roles: { upload: 'editor', read: 'readonly' },
} as const

/** For `assertReferences`: finds a file that a row of whoever asks may refer to. */
export const usableFile =
  ({ db, me }: Scope, purpose: keyof typeof purposes) =>
  (id: string) =>
    fileQueries(files).usable(db, me, purpose, id)
