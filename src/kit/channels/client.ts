// Listens to channels from a browser or another program, and connects again whenever the stream ends.
//
//   const stop = subscribe<Events>('/api/channels', { 'court:7': (event) => show(event), me: notify }, { onReset: reload })
//
// `npm run client` puts this file into the package. It needs web standards alone. Unlike EventSource it sends headers, so a
// bearer's token too, survives answers such as 502 and 503 during a deploy, and notices a connection that died silently.

/** A function for each channel, by the name that the URL has: `court:7`. */
export type Handlers<Events extends object> = {
  [Name in keyof Events & string as Name | `${Name}:${string}`]?: (event: Events[Name]) => void
}

export interface SubscribeOptions {
  /** Events may be missing: ask for the state of this channel anew. What comes after it is whole again. */
  onReset?(channel: string): void
  /** It has ended for good: the answer was 400, 401, 403 or 404. */
  onEnd?(response: Response): void
  /** `{ credentials: 'include' }` for cookies from another origin, `{ headers: { Authorization: 'Bearer ...' } }`; at each attempt anew. */
  init?: RequestInit | (() => RequestInit)
  fetch?(url: string, init: RequestInit): Promise<Response>
}

/** The server sends something every ten seconds. */
const SILENCE_MS = 35_000
const LONGEST_WAIT_MS = 15_000
/** Nothing that a second attempt would change. */
const FOR_GOOD = [400, 401, 403, 404]

/**
 * Listens until the function that it returns is called. An event that a handler has got does not come again while the
 * server still knows what followed it; where it does not, `onReset` is called.
 */
export function subscribe<Events extends object>(
  url: string,
  handlers: Handlers<Events>,
  { onReset, onEnd, init, fetch: send = (to, how) => fetch(to, how) }: SubscribeOptions = {},
): () => void {
  const of = handlers as Record<string, (event: unknown) => void>
  const query = Object.keys(of).map((name) => `on=${encodeURIComponent(name)}`)
  const over = new AbortController()
  let lastId: string | undefined
  let retryMs = 1000
  /** Attempts in a row that have brought nothing. */
  let failures = 0

  function take(block: string): void {
    const fields = new Map<string, string>()
    for (const line of block.split('\n')) {
      const colon = line.indexOf(': ')
      if (colon > 0) fields.set(line.slice(0, colon), line.slice(colon + 2))
    }
    const [event, data] = [fields.get('event'), fields.get('data')]
    retryMs = Number(fields.get('retry') ?? retryMs)
    try {
      if (event === 'reset') onReset?.(JSON.parse(data ?? ''))
      else if (event !== undefined) of[event]?.(JSON.parse(data ?? ''))
    } catch (error) {
      reportError(error)
    }
    lastId = fields.get('id') ?? lastId
  }

  /** Reads one stream to its end. False: there is to be no other. @throws if it breaks */
  async function read(): Promise<boolean> {
    const silence = new AbortController()
    let timer = setTimeout(() => silence.abort(), SILENCE_MS)
    try {
      const given = typeof init === 'function' ? init() : init
      const headers = new Headers(given?.headers)
      if (lastId !== undefined) headers.set('Last-Event-ID', lastId)
      const signal = AbortSignal.any([over.signal, silence.signal])
      const response = await send(`${url}?${query.join('&')}`, {
        ...given,
        headers,
        signal,
        cache: 'no-store',
      })
      if (FOR_GOOD.includes(response.status)) {
        onEnd?.(response)
        return false
      }
      if (!response.ok || response.body === null) {
        await response.body?.cancel()
        throw new Error(`The server answers ${response.status}`)
      }
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader()
      let text = ''
      for (;;) {
        const { value, done } = await reader.read()
        if (done) return true
        failures = 0
        clearTimeout(timer)
        timer = setTimeout(() => silence.abort(), SILENCE_MS)
        const blocks = (text + value).split('\n\n')
        text = blocks.pop() ?? ''
        for (const block of blocks) if (!over.signal.aborted) take(block)
      }
    } finally {
      clearTimeout(timer)
    }
  }

  async function run(): Promise<void> {
    while (!over.signal.aborted) {
      failures++
      if (!(await read().catch(() => true))) return
      const longest = Math.min(LONGEST_WAIT_MS, retryMs * 2 ** failures)
      await sleep(longest * (0.5 + Math.random() / 2), over.signal)
    }
  }
  void run()
  return () => over.abort()
}

const sleep = (ms: number, signal: AbortSignal) =>
  new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, ms)
    signal.addEventListener('abort', () => {
      clearTimeout(timer)
      resolve()
    })
  })
