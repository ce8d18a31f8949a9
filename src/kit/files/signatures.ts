// Tells by its first bytes whether a file is of the type that it is said to be. A type that is not listed cannot be declared.
/* oxlint-disable no-control-regex -- such bytes are what it looks for */

export interface FileType {
  /** Of names, the usual one first. */
  endings: readonly string[]
  /** Of the first bytes, one character each. */
  begins: RegExp
  /** A browser shows it and executes nothing in it. Every other type is saved. */
  isInline?: true
}

/** How many first bytes are looked at. */
export const HEAD_BYTES = 4096

// Text without a character that only programs write.
const TEXT = /^[\t\n\r\x20-\x7e\x80-\xff]*$/
const ZIP = /^PK\x03\x04/
const OFFICE = 'application/vnd.openxmlformats-officedocument'

export const FILE_TYPES: Readonly<Record<string, FileType>> = {
  'image/png': { endings: ['png'], begins: /^\x89PNG\r\n\x1a\n/, isInline: true },
  'image/jpeg': { endings: ['jpg', 'jpeg'], begins: /^\xff\xd8\xff/, isInline: true },
  'image/gif': { endings: ['gif'], begins: /^GIF8[79]a/, isInline: true },
  'image/webp': { endings: ['webp'], begins: /^RIFF[^]{4}WEBP/, isInline: true },
  'image/avif': { endings: ['avif'], begins: /^[^]{4}ftypavi[fs]/, isInline: true },
  'image/heic': { endings: ['heic'], begins: /^[^]{4}ftyp(hei[cx]|mif1)/ },
  'image/svg+xml': {
    endings: ['svg'],
    begins: /^(\xef\xbb\xbf)?\s*(<\?xml[^>]*>\s*)?(<!--[^]*?-->\s*)*(<!DOCTYPE svg[^>]*>\s*)?<svg[\s>]/,
  },
  'video/mp4': { endings: ['mp4'], begins: /^[^]{4}ftyp(iso\w|mp4\d|avc1|dash|M4V )/, isInline: true },
  'video/webm': { endings: ['webm'], begins: /^\x1a\x45\xdf\xa3[^]{0,60}webm/, isInline: true },
  'audio/mpeg': { endings: ['mp3'], begins: /^(ID3|\xff[\xf2\xf3\xfa\xfb])/, isInline: true },
  'audio/ogg': { endings: ['ogg'], begins: /^OggS/, isInline: true },
  'audio/wav': { endings: ['wav'], begins: /^RIFF[^]{4}WAVE/, isInline: true },
  'application/pdf': { endings: ['pdf'], begins: /^%PDF-\d/ },
  'application/zip': { endings: ['zip'], begins: ZIP },
  'application/gzip': { endings: ['gz'], begins: /^\x1f\x8b\x08/ },
  [`${OFFICE}.wordprocessingml.document`]: { endings: ['docx'], begins: ZIP },
  [`${OFFICE}.spreadsheetml.sheet`]: { endings: ['xlsx'], begins: ZIP },
  [`${OFFICE}.presentationml.presentation`]: { endings: ['pptx'], begins: ZIP },
  'text/plain': { endings: ['txt'], begins: TEXT },
  'text/csv': { endings: ['csv'], begins: TEXT },
  'application/json': { endings: ['json'], begins: TEXT },
}

/** @param head the first HEAD_BYTES, or all if there are fewer */
export const isOfType = (type: string, head: Uint8Array): boolean =>
  FILE_TYPES[type]?.begins.test(String.fromCharCode(...head.subarray(0, HEAD_BYTES))) === true
