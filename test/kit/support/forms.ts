// Pages as a browser asks for them: it sends their forms, and reads what they say.
import type { Client } from './client.ts'

export const HTML = { Accept: 'text/html,*/*;q=0.8' }

/** As the browser sends a form of the page. */
export const submit = (
  client: Client,
  path: string,
  fields: Record<string, string> = {},
  headers: Record<string, string> = {},
) =>
  client.send('POST', path, new URLSearchParams(fields).toString(), {
    ...HTML,
    'Content-Type': 'application/x-www-form-urlencoded',
    Origin: client.url,
    ...headers,
  })

export const noticeOf = (html: string) => /<p class="notice" role="status">(.*?)<\/p>/.exec(html)?.[1]
export const alertOf = (html: string) => /role="alert">(.*?)<\/p>/.exec(html)?.[1]
