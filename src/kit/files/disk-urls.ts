// Signs URLs of files on disk: until when one works is sealed by SECRET_KEYS, and bound to the file that it names and to what it is
// for. They are relative: the service does not know by which of its names a client reaches it.
import { ConfigError } from '../types/config-error.ts'
import { defineError } from '../types/api-error.ts'
import type { Secrets } from '../types/secrets.ts'

export const linkInvalid = defineError(
  403,
  'link_invalid',
  'This link has expired, or is not one of ours: ask for another',
)

/** The last part of the path: `incoming` takes the bytes of a file, `kept` serves those of an object. */
type Use = 'incoming' | 'kept'

/** @param name the id of a file, or the name of an object without its folder */
export async function sealUrl(use: Use, name: string, until: Date, secrets: Secrets): Promise<string> {
  return `/api/files/${name}/${use}?token=${await secrets.seal(`files.${use}`, name, until.toISOString())}`
}

/** @throws linkInvalid */
export async function assertUrl(use: Use, name: string, token: string, secrets: Secrets): Promise<void> {
  const until = await secrets.open(`files.${use}`, name, token).catch((error: unknown) => {
    throw error instanceof ConfigError ? error : linkInvalid()
  })
  if (Date.now() > Date.parse(until)) throw linkInvalid()
}
