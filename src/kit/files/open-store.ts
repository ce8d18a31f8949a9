// Opens the store that FILES_URL names. `openOwn` in `manifest.ts` hands it in: the app itself knows no disk.
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { KitConfig } from '../config/kit-config.ts'
import type { Log } from '../types/log.ts'
import { createDiskStore } from './disk-store.ts'
import { createS3Store } from './s3-store.ts'
import type { FileStore } from './store.ts'

const opened = new WeakMap<KitConfig, FileStore>()

/** The same one for the same settings. */
function fileStore(config: KitConfig & { filesUrl?: string | undefined }, log: Pick<Log, 'warn'>): FileStore {
  const store = opened.get(config) ?? open(config, log)
  opened.set(config, store)
  return store
}

function open(
  { filesUrl, dataDir, production }: Parameters<typeof fileStore>[0],
  log: Pick<Log, 'warn'>,
): FileStore {
  if (filesUrl?.startsWith('s3')) return createS3Store(filesUrl)
  if (filesUrl === undefined && production)
    log.warn(
      `FILES_URL is not set: files lie in ${dataDir}, where other machines and new containers do not find them`,
    )
  return createDiskStore(filesUrl === undefined ? join(dataDir, 'files') : fileURLToPath(filesUrl))
}

/** What `openOwn` hands in. */
export const ownFiles = { fileStore }
