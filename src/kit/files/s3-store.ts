// Keeps files in a bucket of an S3: clients send and fetch the bytes there, and this service only signs, copies and checks.
import { createHash } from 'node:crypto'
import { unavailable } from '../types/api-error.ts'
import { caching, disposition } from './names.ts'
import { type Bucket, presign, type S3Request } from './s3-sign.ts'
import { type FileStore, keptName, LINK_MS, UPLOAD_MS } from './store.ts'

const A_DAY_S = 24 * 60 * 60
/** Of a request of this service's own. */
const OWN_S = 60
const TIMEOUT_MS = 15_000
/** Of one that carries a whole file. */
const WHOLE_MS = 10 * 60_000
const KEPT = ['Key', 'LastModified'] as const

/** @param filesUrl FILES_URL: `s3://key:secret@host/bucket?region=name` */
export function createS3Store(filesUrl: string): FileStore {
  const { protocol, host, pathname, username, password, searchParams } = new URL(filesUrl)
  const bucket: Bucket = {
    url: `${protocol === 's3:' ? 'https' : 'http'}://${host}${pathname.replace(/\/$/, '')}`,
    key: decodeURIComponent(username),
    secret: decodeURIComponent(password),
    region: searchParams.get('region') ?? 'us-east-1',
  }

  /** @throws unavailable; Error with what the S3 says. Undefined: there is no such object. */
  async function send(
    request: Omit<S3Request, 'seconds'>,
    { body, timeoutMs = TIMEOUT_MS }: { body?: ReadableStream<Uint8Array>; timeoutMs?: number } = {},
  ) {
    const { method, headers } = request
    const options = { method, headers, body, duplex: 'half', signal: AbortSignal.timeout(timeoutMs) }
    const signed = await presign(bucket, { ...request, seconds: OWN_S })
    const reply = await fetch(signed, options as RequestInit).catch((cause: unknown) => {
      throw Object.assign(unavailable('The store of files is away, please try again'), { cause })
    })
    if (reply.ok) return reply
    const said = await reply.text()
    if (reply.status === 404) return undefined
    if (reply.status >= 500 || reply.status === 429)
      throw unavailable('The store of files is busy, please try again')
    const code = /<Code>(\w+)</.exec(said)?.[1]
    throw new Error(`the store of files refuses ${method} ${request.name}: ${reply.status} ${code}`)
  }

  async function read(object: string, end?: number) {
    const headers: Record<string, string> = end === undefined ? {} : { range: `bytes=0-${end - 1}` }
    return (await send({ method: 'GET', name: object, headers }, { timeoutMs: WHOLE_MS }))?.body ?? undefined
  }

  /** Of an S3 that does not tell. */
  async function digestOf(object: string): Promise<string> {
    const hash = createHash('sha256')
    for await (const piece of ((await read(object)) ?? []) as AsyncIterable<Uint8Array>) hash.update(piece)
    return hash.digest('hex')
  }

  return {
    async signUpload({ id, size, type, sha256 }) {
      const checksum = Uint8Array.fromHex(sha256).toBase64()
      const headers = { 'content-type': type, 'x-amz-checksum-sha256': checksum }
      const url = await presign(bucket, {
        method: 'PUT',
        name: `incoming/${id}`,
        headers: { ...headers, 'content-length': String(size) }, // which every client sends by itself
        seconds: UPLOAD_MS / 1000,
      })
      return { method: 'PUT', url, headers, expires: new Date(Date.now() + UPLOAD_MS) }
    },

    /** That of a public file is the same for a day, so that caches know it again. */
    signLink({ object, name, type, isPublic }) {
      const query: Record<string, string> = {
        'response-content-type': type,
        'response-content-disposition': disposition(name, type),
        'response-cache-control': caching(isPublic),
      }
      const today = new Date(new Date().setUTCHours(0, 0, 0, 0))
      const time = isPublic ? { at: today, seconds: 2 * A_DAY_S } : { seconds: LINK_MS / 1000 }
      return presign(bucket, { method: 'GET', name: object, query, ...time })
    },

    async keep({ id, type }) {
      const object = keptName(id)
      const headers = {
        'x-amz-copy-source': `${new URL(bucket.url).pathname}/incoming/${id}`,
        'x-amz-metadata-directive': 'REPLACE',
        'content-type': type,
        'x-amz-checksum-algorithm': 'SHA256',
      }
      const reply = await send({ method: 'PUT', name: object, headers })
      if (reply === undefined) return undefined
      // A copy that fails half way is a 200 with an error in it.
      if ((await reply.text()).includes('<Error>'))
        throw unavailable('The store of files is busy, please try again')
      return object
    },

    async write({ id, type, size }, body) {
      const hash = createHash('sha256')
      const from = body[Symbol.asyncIterator]()
      const stream = new ReadableStream<Uint8Array>(
        {
          async pull(to) {
            const { done, value } = await from.next()
            if (done) return to.close()
            hash.update(value)
            to.enqueue(value)
          },
        },
        { highWaterMark: 0 }, // as fast as the S3 takes it
      )
      const headers = { 'content-type': type, 'content-length': String(size) }
      await send({ method: 'PUT', name: `incoming/${id}`, headers }, { body: stream, timeoutMs: WHOLE_MS })
      return hash.digest('hex')
    },

    async inspect(object, { digest } = { digest: false }) {
      const headers: Record<string, string> = digest ? { 'x-amz-checksum-mode': 'ENABLED' } : {}
      const reply = await send({ method: 'HEAD', name: object, headers })
      if (reply === undefined) return undefined
      const size = Number(reply.headers.get('content-length'))
      if (!digest) return { size }
      const told = reply.headers.get('x-amz-checksum-sha256')
      return {
        size,
        sha256: told === null ? await digestOf(object) : Uint8Array.fromBase64(told).toHex(),
      }
    },

    read,

    remove: async (name) => void (await send({ method: 'DELETE', name })),

    async *list() {
      for (let token: string | undefined = ''; token !== undefined;) {
        const query: Record<string, string> = {
          'list-type': '2',
          ...(token && { 'continuation-token': token }),
        }
        const text = (await (await send({ method: 'GET', name: '', query }))?.text()) ?? ''
        for (const [, entry = ''] of text.matchAll(/<Contents>([^]*?)<\/Contents>/g)) {
          const [name = '', modified = ''] = KEPT.map(
            (tag) => new RegExp(`<${tag}>([^<]*)<`).exec(entry)?.[1],
          )
          if (/^(incoming|kept)\//.test(name)) yield { name, modified: new Date(modified) }
        }
        token = /<NextContinuationToken>([^<]+)</.exec(text)?.[1]?.replaceAll('&amp;', '&')
      }
    },
  }
}
