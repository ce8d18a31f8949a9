// Makes the secret key of development, which lies in DATA_DIR.
import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isSecretKey } from '../config/values.ts'
import { ConfigError } from '../types/config-error.ts'
import { newSecretKey } from './secrets.ts'

/** Reads it, and makes it the first time: of processes that start at once, all have the same. */
export async function developmentKey(dataDir: string): Promise<string> {
  const file = join(dataDir, 'secret-key')
  await mkdir(dataDir, { recursive: true, mode: 0o700 })
  const draft = `${file}.${crypto.randomUUID()}`
  await writeFile(draft, newSecretKey(), { mode: 0o600, flag: 'wx' })
  // It appears whole or not at all, and one that is there stays.
  await link(draft, file).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error
  })
  await rm(draft)
  const key = (await readFile(file, 'utf8')).trim()
  if (isSecretKey(key)) return key
  throw new ConfigError(`${file} holds no secret key: restore it, or delete it and what it has encrypted`)
}
