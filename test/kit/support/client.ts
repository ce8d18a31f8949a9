// A JSON client with a cookie jar: what a browser or a mobile app does, and nothing more.

export interface Reply {
  status: number
  headers: Headers
  text: string
  /** The parsed JSON; undefined if the answer is something else. Open, because tests look at all kinds of bodies. */
  // oxlint-disable-next-line typescript/no-explicit-any
  body: any
}

export class Client {
  cookies = new Map<string, string>()

  constructor(
    readonly url: string,
    readonly headers: Record<string, string> = {},
    /** Throws if the server has answered what it does not declare. */
    readonly verdict: () => void = () => {},
  ) {}

  get = (path: string, headers?: Record<string, string>) => this.send('GET', path, undefined, headers)
  post = (path: string, body?: unknown, headers?: Record<string, string>) =>
    this.send('POST', path, body, headers)
  put = (path: string, body?: unknown, headers?: Record<string, string>) =>
    this.send('PUT', path, body, headers)
  patch = (path: string, body?: unknown, headers?: Record<string, string>) =>
    this.send('PATCH', path, body, headers)
  delete = (path: string, headers?: Record<string, string>) => this.send('DELETE', path, undefined, headers)

  /** What a browser sends as `Cookie`. */
  get cookieHeader(): string {
    return [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
  }

  /** Sends a request; a string body goes as it is, anything else as JSON. Redirects are not followed. */
  async send(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Reply> {
    const all: Record<string, string> = { ...this.headers, ...headers }
    if (body !== undefined && !Object.keys(all).some((name) => name.toLowerCase() === 'content-type')) {
      all['Content-Type'] = 'application/json'
    }
    if (this.cookies.size > 0) all.Cookie = this.cookieHeader
    const response = await fetch(this.url + path, {
      method,
      headers: all,
      body: body === undefined || typeof body === 'string' ? body : JSON.stringify(body),
      redirect: 'manual',
    })
    this.#keepCookies(response)
    const text = await response.text()
    this.verdict()
    return { status: response.status, headers: response.headers, text, body: parse(text) }
  }

  #keepCookies(response: Response): void {
    for (const line of response.headers.getSetCookie()) {
      const [pair = ''] = line.split(';')
      const [name = '', value = ''] = pair.split('=')
      if (/max-age=0(;|$)/i.test(line) || value === '') this.cookies.delete(name)
      else this.cookies.set(name, value)
    }
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
