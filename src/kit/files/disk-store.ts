// Keeps files in a folder: for development, and for servers with one disk. An upload is on the disk whole, or not at all.
import { createHash, randomUUID } from 'node:crypto'
import { openAsBlob } from 'node:fs'
import { copyFile, link, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { Gate } from '../data/gate.ts'
import { unavailable } from '../types/api-error.ts'
import { sealUrl } from './disk-urls.ts'
import {
  fileMismatch,
  type FileStore,
  keptName,
  LINK_MS,
  storageFull,
  UPLOAD_MS,
  uploadInProgress,
} from './store.ts'

const DRAFTS = 'drafts'
/** Uploads of a process. Each holds 3 MB or so, whatever its size: what Bun has read ahead, and a piece that waits for its turn. */
const AT_ONCE = 100
/** A draft that is older was left behind by a process that died. */
const DRAFT_MS = 24 * 60 * 60_000

export function createDiskStore(root: string): FileStore {
  /** One at a time of each: or one URL would fill the disk with drafts. */
  const receiving = new Set<string>()
  /** Of all uploads few pieces are worked on at once: other requests have their turn in between. */
  const turns = new Gate({ places: 2, queue: AT_ONCE })
  /** Objects are spread over folders by the first letters of their random names. */
  const pathOf = (name: string) => join(root, dirname(name), basename(name).slice(0, 2), basename(name))
  const unlessMissing = (error: NodeJS.ErrnoException): undefined => {
    if (error.code === 'ENOENT') return undefined
    throw error
  }

  async function openBlob(object: string): Promise<Blob | undefined> {
    if ((await stat(pathOf(object)).catch(unlessMissing)) === undefined) return undefined
    return openAsBlob(pathOf(object))
  }

  async function settle(name: string, put: (path: string) => Promise<void>): Promise<void> {
    const path = pathOf(name)
    const made = await mkdir(dirname(path), { recursive: true, mode: 0o700 })
    await put(path)
    await sync(dirname(path))
    if (made !== undefined) for (const above of [dirname(dirname(path)), root]) await sync(above)
  }

  return {
    async signUpload({ id, type }, secrets) {
      const expires = new Date(Date.now() + UPLOAD_MS)
      const url = await sealUrl('incoming', id, expires, secrets)
      return { method: 'PUT', url, headers: { 'Content-Type': type }, expires }
    },

    signLink: ({ object }, secrets) =>
      sealUrl('kept', basename(object), new Date(Date.now() + LINK_MS), secrets),

    async keep({ id }) {
      const object = keptName(id)
      const from = pathOf(`incoming/${id}`)
      if ((await stat(from).catch(unlessMissing)) === undefined) return undefined
      const put = (path: string) =>
        link(from, path).catch((error: NodeJS.ErrnoException) => {
          if (error.code === 'ENOENT') throw error
          return copyFile(from, path) // a file system without links
        })
      try {
        await settle(object, put)
        return object
      } catch (error) {
        return isFull(error) ? Promise.reject(storageFull()) : unlessMissing(error as NodeJS.ErrnoException)
      }
    },

    /** Writes a draft, gives it its name once all bytes are on the disk, and syncs the folder, so that a crash cannot undo it. */
    async write({ id, size, sha256 }, body) {
      if (receiving.has(id)) throw uploadInProgress()
      if (receiving.size >= AT_ONCE) throw unavailable('Too many uploads at once, please try again')
      receiving.add(id)
      const draft = join(root, DRAFTS, randomUUID())
      try {
        await mkdir(dirname(draft), { recursive: true, mode: 0o700 })
        const file = await open(draft, 'wx', 0o600)
        const hash = createHash('sha256')
        try {
          let count = 0
          for await (const chunk of body) {
            count += chunk.length
            if (count > size) throw fileMismatch()
            await turns.run(async () => {
              hash.update(chunk)
              for (let at = 0; at < chunk.length;) at += (await file.write(chunk, at)).bytesWritten
            })
          }
          if (count !== size) throw fileMismatch()
          await file.sync()
        } finally {
          await file.close()
        }
        const digest = hash.digest('hex')
        if (digest !== (sha256 ?? digest)) throw fileMismatch()
        await settle(`incoming/${id}`, (path) => rename(draft, path))
        return digest
      } catch (error) {
        await rm(draft, { force: true })
        throw isFull(error) ? storageFull() : error
      } finally {
        receiving.delete(id)
      }
    },

    async inspect(object) {
      const found = await stat(pathOf(object)).catch(unlessMissing)
      return found && { size: found.size }
    },

    read: async (object, end) => (await openBlob(object))?.slice(0, end).stream(),
    open: openBlob,
    remove: (name) => rm(pathOf(name), { force: true }),

    async *list() {
      for (const part of ['incoming', 'kept']) {
        for (const folder of await namesIn(join(root, part))) {
          for (const name of await namesIn(join(root, part, folder))) {
            const found = await stat(join(root, part, folder, name)).catch(() => undefined)
            if (found) yield { name: `${part}/${name}`, modified: found.mtime }
          }
        }
      }
      for (const name of await namesIn(join(root, DRAFTS))) {
        const path = join(root, DRAFTS, name)
        const found = await stat(path).catch(() => undefined)
        if (found && Date.now() - found.mtimeMs > DRAFT_MS) await rm(path, { force: true })
      }
    },
  }
}

async function sync(folder: string): Promise<void> {
  const opened = await open(folder, 'r')
  try {
    await opened.sync()
  } finally {
    await opened.close()
  }
}

const namesIn = (folder: string) => readdir(folder).catch((): string[] => [])

const isFull = (error: unknown) =>
  error instanceof Error && 'code' in error && ['ENOSPC', 'EDQUOT'].includes(String(error.code))
