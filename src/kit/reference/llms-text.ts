// Serves /llms.txt: where the API is described, and its endpoints, as text for programs that read it (llmstxt.org).
import { doc } from '../http/doc.ts'
import { appFactory } from '../http/factory.ts'
import { anchorOf } from './api-list-parts.tsx'
import type { Reference } from './openapi-document.ts'

/** Made at its first view, when every slice has been added. */
export function llmsText({ config, routes, description }: Reference) {
  const textOf = () => `# ${config.name} API

> ${description}

Version ${config.version}. JSON in, JSON out. An error has its status and \`{ "err", "code", "requestId" }\`: decide by \`code\`.
Log in at \`POST /api/login\`: a browser gets a cookie; with \`"token": true\` the answer has a token for \`Authorization: Bearer\`.
A list ends at \`limit\` or \`size\` rows; its \`Link\` header leads to the next page.

## Docs

- [OpenAPI document](/api/openapi.json): every endpoint with its schemas and errors, for programs
- [API list](/api/list): the same for people, with examples

## Endpoints

${routes()
  .map((route) => {
    const who = route.role === undefined ? 'Anyone' : `Role: ${route.role}`
    const about = [route.doc?.summary, `${who}.`].filter(Boolean).join(' ')
    return `- [${route.method} ${route.path}](/api/list#${encodeURI(anchorOf(route))}): ${about}`
  })
  .join('\n')}
`
  let text: string | undefined
  return appFactory()
    .createApp()
    .get(
      '/llms.txt',
      doc('Says where this API is described, for programs that read text.', 'text/plain'),
      (c) => c.body((text ??= textOf()), 200, { 'Content-Type': 'text/plain; charset=utf-8' }),
    )
}
