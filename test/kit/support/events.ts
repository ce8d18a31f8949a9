// A reader of server-sent events: what EventSource does, without connecting again.
import type { Client } from './client.ts'

/** Opens a stream with the client's cookies, and reads it in the background. */
export async function openStream(client: Client, path: string, headers: Record<string, string> = {}) {
  const leaving = new AbortController()
  const cookie = client.cookieHeader
  const response = await fetch(client.url + path, {
    headers: { ...(cookie !== '' && { Cookie: cookie }), ...headers },
    signal: leaving.signal,
  })
  let text = ''
  const read = async () => {
    const decoder = new TextDecoder()
    for await (const chunk of response.body ?? []) text += decoder.decode(chunk, { stream: true })
  }
  return {
    status: response.status,
    headers: response.headers,
    text: () => text,
    /** The JSON data of the events so far. */
    // oxlint-disable-next-line typescript/no-explicit-any -- tests look at all kinds of data
    events: (): any[] => [...text.matchAll(/^data: (.*)$/gm)].map(([, data = '']) => JSON.parse(data)),
    /** Whether the server ended it in order; false: the connection broke. */
    ended: read().then(
      () => true,
      () => false,
    ),
    leave: () => leaving.abort(),
  }
}
