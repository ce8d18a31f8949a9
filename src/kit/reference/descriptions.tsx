// Serves what describes the API: the list for people, which lets one try calls, the OpenAPI document, and llms.txt.
/** @jsxImportSource hono/jsx */
import { doc } from '../http/doc.ts'
import { appFactory } from '../http/factory.ts'
import { sentSession } from '../http/sent-session.ts'
import { widenPolicy } from '../http/security-headers.ts'
import { LIST_SCRIPT } from './api-list-script.ts'
import { ApiList, ApiListBody, callsOf } from './api-list.tsx'
import { llmsText } from './llms-text.ts'
import { openApiDocument, type Reference } from './openapi-document.ts'
import { describeApi } from './operations.ts'
import { tryScript } from './try-script.ts'

/** Not chained: the typed client has no use for them. */
export function descriptions(reference: Reference) {
  const { config, routes, groups } = reference
  const isTried = config.apiDocs ?? !config.production
  let made: ReturnType<typeof make> | undefined
  /** At the first view, when every slice has been added. */
  async function make(roles: readonly string[]) {
    const api = describeApi(routes())
    const scripts = isTried ? [LIST_SCRIPT, tryScript(callsOf(api))] : [LIST_SCRIPT]
    return {
      endpoints: api.operations.length,
      body: String(await ApiListBody({ config, api, groups, roles })),
      scripts,
      policy: {
        'script-src': (await Promise.all(scripts.map(digestOf))).join(' '),
        ...(isTried && { 'connect-src': "'self'" }),
      },
    }
  }
  const app = appFactory().createApp()
  app.get(
    '/api/list',
    doc('Lists every endpoint of this API: this page.', 'text/html', { link: 'API' }),
    async (c) => {
      const { startedAt, roles } = c.var
      const { policy, ...list } = await (made ??= make(roles.admitted))
      widenPolicy(c, policy)
      const isTold = !config.production || sentSession(c)?.role === roles.admitted.at(-1)
      return c.html(<ApiList {...{ c, config, startedAt: isTold ? startedAt : undefined, ...list }} />)
    },
  )
  if (isTried)
    app.get('/api/docs', doc('Redirects to the API list, where one tries it.', null, { status: 302 }), (c) =>
      c.redirect('/api/list'),
    )
  app.route('/', openApiDocument(reference))
  app.route('/', llmsText(reference))
  return app
}

/** By which the policy admits a script, and no other. */
async function digestOf(script: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(script))
  return `'sha256-${btoa(String.fromCharCode(...new Uint8Array(digest)))}'`
}
