// Declares what files are for: which ones are taken, how many of an account, and who may read them.
import type { KitConfig } from '../config/kit-config.ts'
import type { KitDeps } from '../deps.ts'
import type { Scope } from '../data/scope.ts'
import type { AnyContext, AnyProduct } from '../http/env.ts'
import type { Job } from '../jobs/task.ts'
import type { Log } from '../types/log.ts'
import type { FileRow } from './files-table.ts'
import { FILE_TYPES } from './signatures.ts'
import type { FileStore } from './store.ts'

/** What the module needs of a product's own dependencies: `openOwn` in `manifest.ts` opens it. */
export interface HasStore {
  fileStore?: ((config: KitConfig, log: Log) => FileStore) | undefined
}

export function storeOf({ config, fileStore, log }: HasStore & Pick<KitDeps, 'config' | 'log'>): FileStore {
  if (fileStore === undefined) throw new Error('files: openOwn in manifest.ts hands in no fileStore')
  return fileStore(config, log)
}

/** The dependencies of a request: routes are open in what a product has of its own. */
export const depsOf = (c: AnyContext) => c.var as unknown as KitDeps & HasStore

export interface Purpose<P extends AnyProduct = AnyProduct> {
  /** Of those in `signatures.ts`: what the first bytes of a file do not show, it is not. */
  types: readonly string[]
  /** Of one file. */
  maxBytes: number
  /** Of an account, with those that are still awaited. */
  maxCount: number
  maxTotalBytes: number
  /** Anybody reads it who knows its id, and caches keep it for good. */
  isPublic?: true
  /** It lives as long as a row refers to it, and has a day to be referred to at all. Others stay until they are deleted. */
  isAttached?: true
  /** Who reads it beside its owner. */
  mayRead?(this: void, file: FileRow, scope: Scope<P['Role']>): boolean | Promise<boolean>
  /**
   * Decides in a job whether it becomes ready, as a scan for viruses does: until then nobody reads it. A throw tries again later.
   * @param open reads the bytes
   */
  check?(
    this: void,
    file: FileRow,
    open: () => Promise<ReadableStream<Uint8Array>>,
    job: Job,
    deps: KitDeps<P['Config'], P['Role']> & P['Own'],
  ): boolean | Promise<boolean>
}

export type Purposes<P extends AnyProduct> = Readonly<Record<string, Purpose<P>>>

/** Beyond it a store takes no single upload. */
const MAX_BYTES = 5 * 1024 ** 3

/** @throws Error that names a purpose which cannot be */
export function assertPurposes<P extends AnyProduct>(purposes: Purposes<P>): void {
  for (const [name, { types, maxBytes, maxTotalBytes }] of Object.entries(purposes)) {
    const unknown = types.find((type) => FILE_TYPES[type] === undefined)
    if (unknown !== undefined)
      throw new Error(`files: ${name} takes ${unknown}, of which signatures.ts knows no first bytes`)
    if (types.length === 0 || !(maxBytes >= 1 && maxBytes <= MAX_BYTES) || maxTotalBytes < maxBytes)
      throw new Error(`files: ${name} takes types, maxBytes up to ${MAX_BYTES}, and maxTotalBytes above that`)
  }
}
