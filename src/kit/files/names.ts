// Cleans the names of files, and says in headers how a browser handles one. No name of a client's ever names a place in a store.
import { FILE_TYPES } from './signatures.ts'

const MAX_LENGTH = 150

/**
 * The last part of a path, without what is not seen (controls, bidirectional marks) and what systems refuse, and with an ending
 * of its type: what is saved from a browser opens as what it was checked to be.
 */
export function fileName(given: string, type: string): string {
  const last = given.normalize('NFC').split(/[/\\]/).at(-1) ?? ''
  const clean = last
    .replaceAll(/[\p{C}\p{Zl}\p{Zp}]/gu, '')
    .replaceAll(/[<>:"|?*]/g, '_')
    .replaceAll(/^[.\s]+|[.\s]+$/g, '')
  const endings = FILE_TYPES[type]?.endings ?? []
  const short = clean.slice(0, MAX_LENGTH).replace(/[\ud800-\udbff]$/, '') || 'file'
  const hasEnding = endings.some((ending) => short.toLowerCase().endsWith(`.${ending}`))
  return hasEnding || endings[0] === undefined ? short : `${short}.${endings[0]}`
}

/** All but letters, digits and `-_.~` (RFC 3986). */
export const percentEncode = (text: string): string =>
  encodeURIComponent(text).replaceAll(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)

/** The Content-Disposition of a file (RFC 6266): only what executes nothing is shown in a browser. */
export function disposition(name: string, type: string): string {
  const ascii = name.replaceAll(/[^\x20-\x7e]|["\\%]/g, '_')
  const way = FILE_TYPES[type]?.isInline ? 'inline' : 'attachment'
  return `${way}; filename="${ascii}"; filename*=UTF-8''${percentEncode(name)}`
}

/** The Cache-Control of a file: its bytes never change. */
export const caching = (isPublic: boolean): string =>
  isPublic ? 'public, max-age=31536000, immutable' : 'private, no-cache'
