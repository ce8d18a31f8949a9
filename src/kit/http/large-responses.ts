// Streams large responses as fast as their clients read, and bounds the memory that they hold in a process.
import { BusyError } from '../data/gate.ts'

/** Larger responses are streamed in chunks of this size. */
const CHUNK_BYTES = 64 * 1024

/**
 * Returns `c.var.bodyOf(text, method)`, which turns a text into a body. Without it, slow clients keep whole responses in
 * memory: 150 of them held 600 MB.
 * @param maxBytes of large responses that wait in this process; beyond it further large ones get 503, small ones go on
 */
export function largeResponses(maxBytes: number) {
  let waiting = 0

  /** @param method a HEAD needs the length, which a stream does not have */
  function bodyOf(text: string, method: string | undefined): string | ReadableStream<Uint8Array> {
    if (text.length <= CHUNK_BYTES || method === 'HEAD') return text
    const bytes = new TextEncoder().encode(text)
    if (waiting + bytes.length > maxBytes)
      throw new BusyError('too many large responses wait for their clients')
    waiting += bytes.length
    let at = 0
    const release = (size: number) => {
      waiting -= size
      at += size
    }
    return new ReadableStream(
      {
        pull(controller) {
          const chunk = bytes.subarray(at, at + CHUNK_BYTES)
          release(chunk.length)
          controller.enqueue(chunk)
          if (at === bytes.length) controller.close()
        },
        cancel: () => release(bytes.length - at),
      },
      { highWaterMark: 0 },
    )
  }

  return bodyOf
}
