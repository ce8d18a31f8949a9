// Signs and verifies by the Standard Webhooks scheme: HMAC-SHA256 over id, time and body, by WebCrypto.
import { decodeBase64, encodeBase64 } from 'hono/utils/encode'

const PREFIX = 'whsec_'
const SECRET_BYTES = 32
const { subtle } = crypto
const utf8 = new TextEncoder()

/** What is signed: the headers `webhook-id` and `webhook-timestamp`, in Unix seconds, and the body as it is sent. */
export interface Signed {
  id: string
  timestamp: string
  body: string
}

/** `whsec_` and 32 random bytes in base64. */
export const newWebhookSecret = (): string =>
  PREFIX + encodeBase64(crypto.getRandomValues(new Uint8Array(SECRET_BYTES)).buffer)

const keyOf = (secret: string) =>
  subtle.importKey(
    'raw',
    decodeBase64(secret.replace(PREFIX, '')),
    { name: 'HMAC', hash: 'SHA-256' },
    false,
    ['sign', 'verify'],
  )

const bytesOf = ({ id, timestamp, body }: Signed) => utf8.encode(`${id}.${timestamp}.${body}`)

/** The header `webhook-signature`: one signature for each secret that is valid. */
export async function signWebhook(secrets: readonly string[], message: Signed): Promise<string> {
  const each = secrets.map(async (secret) => subtle.sign('HMAC', await keyOf(secret), bytesOf(message)))
  return (await Promise.all(each)).map((mac) => `v1,${encodeBase64(mac)}`).join(' ')
}

/** More than a sender in rotation has. */
const MAX_SIGNATURES = 10

/** Whether one of the signatures is by one of the secrets; WebCrypto compares in constant time. */
export async function isSigned(
  secrets: readonly string[],
  message: Signed,
  header: string,
): Promise<boolean> {
  const macs = header.split(' ').flatMap((one) => /^v1,([A-Za-z0-9+/]{43}=)$/.exec(one)?.[1] ?? [])
  const keys = await Promise.all(secrets.map(keyOf))
  const pairs = macs
    .slice(0, MAX_SIGNATURES)
    .flatMap((mac) => keys.map((key) => ({ mac: decodeBase64(mac), key })))
  const found = pairs.map(({ mac, key }) => subtle.verify('HMAC', key, mac, bytesOf(message)))
  return (await Promise.all(found)).includes(true)
}
