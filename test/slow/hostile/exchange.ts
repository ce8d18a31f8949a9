// One connection after the other to the server: a request goes out as bytes, its answer comes back in its parts.
import { connect, type Socket } from 'node:net'
import type { HostileRequest } from './requests.ts'

export interface Answer {
  /** 0: the connection was closed without one. */
  status: number
  headers: Map<string, string>
  body: Buffer
}

const NO_ANSWER: Answer = { status: 0, headers: new Map(), body: Buffer.alloc(0) }
const PATIENCE_MS = 10_000

/** A client that keeps its connection for as long as the server does. */
export function createClient(port: number) {
  let socket: Socket | undefined

  function open(): Socket {
    if (socket === undefined || socket.destroyed || !socket.writable) socket = connect(port, '127.0.0.1')
    return socket
  }

  return {
    /** @throws Error if there is neither an answer nor an end within ten seconds */
    async send(request: HostileRequest): Promise<Answer> {
      const isReused = socket?.writable === true
      const answer = await exchange(request, open())
      // The server may have closed an idle connection just then, as HTTP allows.
      return answer.status === 0 && isReused ? exchange(request, open()) : answer
    },
    close: () => socket?.destroy(),
  }
}

function exchange({ bytes, method, isCut, isBroken }: HostileRequest, own: Socket): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>()
  let text = Buffer.alloc(0)
  const done = (answer: Answer, keep: boolean) => {
    clearTimeout(timer)
    own.removeAllListeners()
    own.on('error', () => {})
    if (!keep) own.destroy()
    resolve(answer)
  }
  const timer = setTimeout(() => {
    own.destroy()
    reject(new Error(`no answer within ${PATIENCE_MS} ms`))
  }, PATIENCE_MS)
  own.on('data', (chunk: Buffer) => {
    text = Buffer.concat([text, chunk])
    const answer = parse(text, method, false)
    if (answer)
      done(answer, !isCut && !isBroken && answer.headers.get('connection')?.toLowerCase() !== 'close')
  })
  own.on('error', () => {})
  own.on('close', () => done(parse(text, method, true) ?? NO_ANSWER, false))
  own.write(bytes)
  if (isCut) own.end()
  return promise
}

/** Undefined while more is to come. */
function parse(bytes: Buffer, method: string, isOver: boolean): Answer | undefined {
  const end = bytes.indexOf('\r\n\r\n')
  if (end < 0) return undefined
  const [first = '', ...lines] = bytes.toString('latin1', 0, end).split('\r\n')
  const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(first)?.[1] ?? 0)
  const rest = bytes.subarray(end + 4)
  if (status >= 100 && status < 200 && status !== 101) return parse(rest, method, isOver)
  const headers = new Map(
    lines.map((line) => [
      line.slice(0, line.indexOf(':')).toLowerCase(),
      line.slice(line.indexOf(':') + 1).trim(),
    ]),
  )
  const answer = (body: Buffer): Answer => ({ status, headers, body })
  if (method === 'HEAD' || status === 204 || status === 304) return answer(Buffer.alloc(0))
  if (headers.get('transfer-encoding') === 'chunked') {
    const whole = joinChunks(rest)
    return whole === undefined && !isOver ? undefined : answer(whole ?? rest)
  }
  const length = headers.get('content-length')
  if (length === undefined) return isOver || headers.get('connection') === 'close' ? answer(rest) : undefined
  return rest.length >= Number(length) || isOver ? answer(rest.subarray(0, Number(length))) : undefined
}

/** Undefined if the last chunk has not come. */
function joinChunks(bytes: Buffer): Buffer | undefined {
  const parts: Buffer[] = []
  for (let at = 0; ;) {
    const end = bytes.indexOf('\r\n', at)
    if (end < 0) return undefined
    const size = parseInt(bytes.toString('latin1', at, end), 16)
    if (size === 0) return Buffer.concat(parts)
    if (!(size > 0) || bytes.length < end + 2 + size + 2) return undefined
    parts.push(bytes.subarray(end + 2, end + 2 + size))
    at = end + 2 + size + 2
  }
}
