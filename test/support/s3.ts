// A small S3 that enforces what a real one does: signatures with every header they name, expiry, lengths and checksums.
import { createHash, createHmac } from 'node:crypto'

const KEY = 'test-key'
const SECRET = 'a/secret+of=the/test'
export const BUCKET = 'files-test'

interface Stored {
  bytes: Uint8Array
  type: string
  checksum: string | undefined
  modified: Date
}

export interface S3Options {
  /** It tells no checksums and compares none, as older ones do. */
  knowsChecksums?: boolean
  /** Objects of one page of a list. */
  page?: number
}

export function startS3({ knowsChecksums = true, page = 1000 }: S3Options = {}) {
  const objects = new Map<string, Stored>()
  /** What was asked of it: `PUT incoming/...` */
  const asked: string[] = []
  let isAway = false

  const server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    async fetch(request) {
      const url = new URL(request.url)
      const name = decodeURIComponent(url.pathname).replace(`/${BUCKET}`, '').replace(/^\//, '')
      asked.push(`${request.method} ${name}`)
      if (isAway) return error(503, 'SlowDown')
      const fault = faultOf(request, url)
      if (fault !== undefined) return error(403, fault)
      switch (request.method) {
        case 'PUT':
          return put(request, name)
        case 'DELETE':
          objects.delete(name)
          return new Response(null, { status: 204 })
        default:
          return name === '' ? list(url) : get(request, name, url)
      }
    },
  })

  async function put(request: Request, name: string): Promise<Response> {
    const source = request.headers.get('x-amz-copy-source')
    const type = request.headers.get('content-type') ?? ''
    const modified = new Date()
    if (source !== null) {
      const from = objects.get(source.replace(`/${BUCKET}/`, ''))
      if (from === undefined) return error(404, 'NoSuchKey')
      objects.set(name, { ...from, type, modified })
      return new Response('<CopyObjectResult></CopyObjectResult>')
    }
    const bytes = await request.bytes()
    const checksum = createHash('sha256').update(bytes).digest('base64')
    const announced = request.headers.get('x-amz-checksum-sha256')
    if (knowsChecksums && announced !== null && announced !== checksum) return error(400, 'BadDigest')
    objects.set(name, { bytes, type, modified, checksum: announced === null ? undefined : checksum })
    return new Response(null)
  }

  function get(request: Request, name: string, url: URL): Response {
    const found = objects.get(name)
    if (found === undefined) return error(404, 'NoSuchKey')
    const { bytes, checksum } = found
    const headers = new Headers({
      'Content-Type': url.searchParams.get('response-content-type') ?? found.type,
    })
    for (const header of ['content-disposition', 'cache-control']) {
      const value = url.searchParams.get(`response-${header}`)
      if (value !== null) headers.set(header, value)
    }
    if (knowsChecksums && checksum && request.headers.get('x-amz-checksum-mode') === 'ENABLED')
      headers.set('x-amz-checksum-sha256', checksum)
    if (request.method === 'HEAD') {
      headers.set('Content-Length', String(bytes.length))
      return new Response(null, { headers })
    }
    const [, start = '', end = ''] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.get('range') ?? '') ?? []
    if (start === '') return new Response(new Blob([new Uint8Array(bytes)]), { headers })
    const part = bytes.subarray(Number(start), end === '' ? undefined : Number(end) + 1)
    return new Response(new Blob([new Uint8Array(part)]), { status: 206, headers })
  }

  function list(url: URL): Response {
    const after = url.searchParams.get('continuation-token') ?? ''
    const names = [...objects.keys()].toSorted().filter((name) => name > after)
    const contents = names.slice(0, page).map((name) => {
      const modified = objects.get(name)?.modified.toISOString()
      return `<Contents><Key>${name}</Key><LastModified>${modified}</LastModified></Contents>`
    })
    const next =
      names.length > page ? `<NextContinuationToken>${names[page - 1]}</NextContinuationToken>` : ''
    return new Response(`<ListBucketResult>${contents.join('')}${next}</ListBucketResult>`)
  }

  const secret = encodeURIComponent(SECRET)
  return {
    objects,
    asked,
    url: `s3+http://${KEY}:${secret}@127.0.0.1:${server.port}/${BUCKET}?region=eu-test-1`,
    secret: SECRET,
    setAway: (away: boolean) => void (isAway = away),
    stop: () => server.stop(true),
  }
}

const error = (status: number, code: string) =>
  new Response(`<Error><Code>${code}</Code></Error>`, { status })

/** Built anew from the standard's words, and not from the code under test. */
function faultOf(request: Request, url: URL): string | undefined {
  const query = url.searchParams
  const [key, date, region, service] = (query.get('X-Amz-Credential') ?? '').split('/')
  const time = query.get('X-Amz-Date') ?? ''
  const at = Date.parse(time.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'))
  if (key !== KEY || date !== time.slice(0, 8) || service !== 's3') return 'InvalidAccessKeyId'
  if (!(Date.now() >= at - 60_000 && Date.now() <= at + Number(query.get('X-Amz-Expires')) * 1000))
    return 'AccessDenied'
  const names = (query.get('X-Amz-SignedHeaders') ?? '').split(';')
  // What S3 reads beyond the signed headers would be anybody's to choose.
  const unsigned = [...request.headers.keys()].find(
    (name) => name.startsWith('x-amz-') && !names.includes(name),
  )
  if (unsigned !== undefined || !names.includes('host')) return 'AccessDenied'
  const encode = (text: string) =>
    [...new TextEncoder().encode(text)]
      .map((b) => {
        const c = String.fromCharCode(b)
        return /[\w.~-]/.test(c) ? c : `%${b.toString(16).toUpperCase().padStart(2, '0')}`
      })
      .join('')
  const parameters = [...query].filter(([name]) => name !== 'X-Amz-Signature')
  const canonical = [
    request.method,
    url.pathname,
    parameters
      .map(([name, value]) => `${encode(name)}=${encode(value)}`)
      .toSorted()
      .join('&'),
    ...names.map((name) => `${name}:${request.headers.get(name) ?? ''}`),
    '',
    names.join(';'),
    'UNSIGNED-PAYLOAD',
  ].join('\n')
  const sha = createHash('sha256').update(canonical).digest('hex')
  const scope = `${date}/${region}/s3/aws4_request`
  const signing = scope
    .split('/')
    .reduce<Buffer | string>(
      (from, part) => createHmac('sha256', from).update(part).digest(),
      `AWS4${SECRET}`,
    )
  const signature = createHmac('sha256', signing)
    .update(`AWS4-HMAC-SHA256\n${time}\n${scope}\n${sha}`)
    .digest('hex')
  return signature === query.get('X-Amz-Signature') ? undefined : 'SignatureDoesNotMatch'
}
