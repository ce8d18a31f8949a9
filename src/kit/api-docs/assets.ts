// Serves large files to browsers: compressed once, and cached for ever under an address that changes with the content.
import type { Context } from 'hono'
import { sha256 } from 'hono/utils/crypto'

export interface Asset {
  type: string
  gzipped: ArrayBuffer
  /** Of the content, for the address. */
  digest: string
}

/** Compresses a text. It takes some milliseconds per megabyte: keep the result. */
export async function packAsset(text: string, type: string): Promise<Asset> {
  const digest = String(await sha256(text)).slice(0, 16)
  const stream = new Blob([text]).stream().pipeThrough(new CompressionStream('gzip'))
  return { type, digest, gzipped: await new Response(stream).arrayBuffer() }
}

/** Sends it compressed if the client accepts that. Only the address with the right digest may be cached for ever. */
export function sendAsset(c: Context, { type, gzipped, digest }: Asset): Response {
  const etag = `"${digest}"`
  c.header('ETag', etag)
  c.header('Vary', 'Accept-Encoding', { append: true })
  c.header('Cache-Control', c.req.query('v') === digest ? 'public, max-age=31536000, immutable' : 'no-cache')
  if (c.req.header('if-none-match') === etag) return c.body(null, 304)
  c.header('Content-Type', `${type}; charset=utf-8`)
  if (/\bgzip\b/.test(c.req.header('accept-encoding') ?? '')) {
    c.header('Content-Encoding', 'gzip')
    return c.body(gzipped)
  }
  return c.body(new Blob([gzipped]).stream().pipeThrough(new DecompressionStream('gzip')))
}
