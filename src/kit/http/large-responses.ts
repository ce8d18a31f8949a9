// Large answers go out in pieces, as fast as their clients read, and what waits of them in a process has a bound.
import { BusyError } from '../data/gate.ts'

/** An answer up to this goes out whole; more goes out in pieces of this size. */
const PIECE = 64 * 1024

/**
 * What stands as `c.var.bodyOf(text, method)`: how a text goes out.
 * Clients that hardly read would otherwise keep whole answers in memory: 150 of them held 600 MB.
 * @param maxBytes of large answers that wait in this process; past them a further one is 503, and small ones go on
 */
export function largeResponses(maxBytes: number) {
  let waiting = 0

  /** @param method a HEAD wants the length, which a stream does not tell */
  function bodyOf(text: string, method: string | undefined): string | ReadableStream<Uint8Array> {
    if (text.length <= PIECE || method === 'HEAD') return text
    const bytes = new TextEncoder().encode(text)
    if (waiting + bytes.length > maxBytes)
      throw new BusyError('too many large answers wait for their clients')
    waiting += bytes.length
    let at = 0
    const pass = (size: number) => {
      waiting -= size
      at += size
    }
    return new ReadableStream(
      {
        pull(controller) {
          const piece = bytes.subarray(at, at + PIECE)
          pass(piece.length)
          controller.enqueue(piece)
          if (at === bytes.length) controller.close()
        },
        cancel: () => pass(bytes.length - at),
      },
      { highWaterMark: 0 },
    )
  }

  return bodyOf
}
