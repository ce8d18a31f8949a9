// Sends requests to URLs of somebody else: to the address that was checked, within bounds of time and size, and no further.
import { lookup } from 'node:dns/promises'
import { type IncomingMessage, request as overHttp } from 'node:http'
import { request as overHttps } from 'node:https'
import { isIP } from 'node:net'
import type { KitConfig } from '../config/kit-config.ts'
import { isPublicAddress } from './addresses.ts'
import { faultOfTarget } from './target.ts'

/** For the name, connection, TLS, and all that is read of the answer. */
const TIMEOUT_MS = 15_000
/** That are read of the answer's body, whatever it has. */
const ANSWER_BYTES = 1024
const HEADER_BYTES = 16 * 1024

export interface WebhookRequest {
  url: string
  headers: Record<string, string>
  body: string
  /** Of several addresses of the name, which: each attempt takes the next. */
  attempt: number
  signal: AbortSignal
}

/** Resolves with the status, a redirect's too, and the first bytes of the answer. @throws Error whose message its owner may read */
export type WebhookSender = (request: WebhookRequest) => Promise<{ status: number; answer: string }>

interface Options {
  /** Http, any port and any address: for development and tests. */
  toPrivate: boolean
  /** All addresses of a name. */
  resolve?: (name: string) => Promise<string[]>
  timeoutMs?: number
  /** Further certificates to trust, in PEM: for tests. */
  ca?: string | undefined
}

const resolveAll = async (name: string) =>
  (await lookup(name, { all: true, order: 'ipv4first' })).map(({ address }) => address)

/**
 * The address is resolved once, checked, and connected to as it is: neither `node:http` nor a proxy gets to see a name. TLS asks for
 * the name and checks the certificate by it.
 */
export function createWebhookSender({
  toPrivate,
  resolve = resolveAll,
  timeoutMs = TIMEOUT_MS,
  ca,
}: Options): WebhookSender {
  async function addressOf(name: string, attempt: number): Promise<string> {
    const known = withoutBrackets(name)
    const all = isIP(known) ? [known] : await resolve(name).catch(() => [])
    const address = all[(attempt - 1) % all.length]
    if (address === undefined) throw new Error('its name resolves to no address')
    // One that is not refuses all: such a name is made to try.
    if (!toPrivate && !all.every(isPublicAddress))
      throw new Error('its name leads to an address that is not public')
    return address
  }

  return async ({ url, headers, body, attempt, signal: given }) => {
    const fault = faultOfTarget(url, { toPrivate })
    if (fault !== undefined) throw new Error(`the URL ${fault}`)
    const { protocol, hostname, host, port, pathname, search } = new URL(url)
    const signal = AbortSignal.any([given, AbortSignal.timeout(timeoutMs)])
    const late = new Error(`no answer within ${timeoutMs / 1000} s`)
    const whenLate = (end: (why: Error) => void) =>
      signal.addEventListener('abort', () => end(late), { once: true })

    const address = await Promise.race([
      addressOf(hostname, attempt),
      new Promise<never>((_, fail) => whenLate(fail)),
    ])
    const bytes = new TextEncoder().encode(body)
    const options = {
      hostname: address,
      port: port || (protocol === 'https:' ? 443 : 80),
      path: pathname + search,
      method: 'POST',
      headers: { ...headers, Host: host, 'Content-Length': String(bytes.length) },
      agent: false, // no connection of another name, or of an earlier check
      maxHeaderSize: HEADER_BYTES,
    } as const
    const servername = isIP(withoutBrackets(hostname)) ? '' : hostname.replace(/\.$/, '')
    const tls = { ...options, servername, rejectUnauthorized: true, ...(ca !== undefined && { ca }) }
    return new Promise((done, fail) => {
      let status: number | undefined // a receiver may also answer 000
      let answer = new Uint8Array()
      const end = (why: Error) => {
        sent.destroy()
        if (status === undefined) fail(why)
        else done({ status, answer: textOf(answer) })
      }
      const onAnswer = (reply: IncomingMessage) => {
        status = reply.statusCode ?? 0
        reply.on('data', (chunk: Uint8Array) => {
          answer = new Uint8Array([...answer, ...chunk.subarray(0, ANSWER_BYTES - answer.length)])
          if (answer.length === ANSWER_BYTES) end(late)
        })
        for (const over of ['end', 'error', 'close']) reply.on(over, end)
      }
      const sent = protocol === 'https:' ? overHttps(tls, onAnswer) : overHttp(options, onAnswer)
      sent.on('error', ({ code, message }: NodeJS.ErrnoException) => end(new Error(code ?? message)))
      whenLate(end)
      sent.end(bytes)
    })
  }
}

const withoutBrackets = (host: string) => host.replace(/^\[|\]$/g, '')

/** What is no UTF-8, and NUL, which Postgres does not keep, is replaced. */
const textOf = (bytes: Uint8Array) => new TextDecoder().decode(bytes).replaceAll('\0', '\ufffd')

/** What `openOwn` in `manifest.ts` hands in, so that the app itself knows no sockets. In production nothing private, whatever is set. */
export const ownWebhooks = {
  webhookSender: ({ production }: KitConfig): WebhookSender =>
    createWebhookSender({ toPrivate: !production }),
}
