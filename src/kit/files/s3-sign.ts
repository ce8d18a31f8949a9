// Signs requests to an S3 in their URL (AWS Signature Version 4), so that whoever has the URL may send just this request.
import { digestOf, hexOf } from '../auth/token-text.ts'
import { percentEncode } from './names.ts'

export interface Bucket {
  /** With the bucket, as a path: every S3 takes that. `https://s3.example.com/my-bucket` */
  url: string
  key: string
  secret: string
  region: string
}

export interface S3Request {
  method: 'GET' | 'HEAD' | 'PUT' | 'DELETE'
  /** Below the bucket: of letters, digits, `.`, `-` and `/`. */
  name: string
  query?: Record<string, string>
  /** All are signed: the request is refused with other ones. In lower case. */
  headers?: Record<string, string>
  /** When it was signed, and for how many seconds it is valid. */
  at?: Date
  seconds: number
}

const { subtle } = crypto
const utf8 = new TextEncoder()

async function hmac(key: Uint8Array<ArrayBuffer> | ArrayBuffer, text: string): Promise<ArrayBuffer> {
  const imported = await subtle.importKey('raw', key, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign'])
  return subtle.sign('HMAC', imported, utf8.encode(text))
}

export async function presign(bucket: Bucket, request: S3Request): Promise<string> {
  const { method, name, query = {}, headers = {}, at = new Date(), seconds } = request
  const url = new URL(name === '' ? bucket.url : `${bucket.url}/${name}`)
  const time = at.toISOString().replaceAll(/[-:]|\.\d{3}/g, '')
  const scope = `${time.slice(0, 8)}/${bucket.region}/s3/aws4_request`
  const signed = Object.entries({ ...headers, host: url.host }).toSorted(([a], [b]) => (a < b ? -1 : 1))
  const names = signed.map(([header]) => header).join(';')
  const parameters = Object.entries({
    ...query,
    'X-Amz-Algorithm': 'AWS4-HMAC-SHA256',
    'X-Amz-Credential': `${bucket.key}/${scope}`,
    'X-Amz-Date': time,
    'X-Amz-Expires': String(seconds),
    'X-Amz-SignedHeaders': names,
  })
    .map((pair) => pair.map(percentEncode).join('='))
    .toSorted()
    .join('&')
  const lines = signed.map(([header, value]) => `${header}:${value.trim()}\n`).join('')
  const canonical = [method, url.pathname, parameters, lines, names, 'UNSIGNED-PAYLOAD'].join('\n')
  const digest = await digestOf(canonical)
  let key: Parameters<typeof hmac>[0] = utf8.encode(`AWS4${bucket.secret}`)
  for (const part of scope.split('/')) key = await hmac(key, part)
  const signature = hexOf(
    new Uint8Array(await hmac(key, ['AWS4-HMAC-SHA256', time, scope, digest].join('\n'))),
  )
  return `${url.origin}${url.pathname}?${parameters}&X-Amz-Signature=${signature}`
}
