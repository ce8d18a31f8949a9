// The API for programs, and a page to try it: the OpenAPI document, and Swagger UI from our own origin with a login.
/** @jsxImportSource hono/jsx */
import { raw } from 'hono/html'
import { secureHeaders } from 'hono/secure-headers'
import type { KitConfig } from '../config/kit-config.ts'
import type { Deps } from '../deps.ts'
import { doc, type ApiRoute } from '../http/doc.ts'
import { appFactory } from '../http/factory.ts'
import { SCRIPT } from './api-docs-script.ts'
import { STYLE } from './api-docs-style.ts'
import { packAsset, sendAsset, type Asset } from './assets.ts'
import { openApi, type ApiInfo } from './openapi.ts'

export const API_DOCS_PATH = '/api/docs'

/** The page runs scripts, which no other page does: its own, and they reach nothing but this origin. */
export const apiDocsPolicy = secureHeaders({
  strictTransportSecurity: false, // as everywhere
  crossOriginResourcePolicy: false,
  contentSecurityPolicy: {
    defaultSrc: ["'none'"],
    scriptSrc: ["'self'"],
    styleSrc: ["'self'", "'unsafe-inline'"],
    imgSrc: ["'self'", 'data:'],
    connectSrc: ["'self'"],
    formAction: ["'none'"],
    frameAncestors: ["'none'"],
    baseUri: ["'none'"],
  },
})

interface Options extends Pick<ApiInfo, 'description' | 'license' | 'groups'> {
  config: KitConfig
  /** Asked at the first view, when every slice has been added. */
  routes: () => ApiRoute[]
  asset: Deps['apiDocsAsset']
}

/** The document exists where the API list or the page does; the page where the settings want it. */
export function apiDocs({ config, routes, asset, ...about }: Options) {
  const app = appFactory().createApp()
  if (config.apiList || config.apiDocs) {
    const document = once(() => {
      const { name, version } = config
      return JSON.stringify(openApi(routes(), { title: `${name} API`, version, ...about }))
    })
    app.get(
      '/api/openapi.json',
      doc('Describes this API for programs: the OpenAPI document.', 'application/json'),
      (c) => c.body(document(), 200, { 'Content-Type': 'application/json' }),
    )
  }
  if (!config.apiDocs) return app

  const script = once(async () => packAsset(`${await asset('script')}\n${SCRIPT}`, 'text/javascript'))
  const style = once(async () => packAsset(`${await asset('style')}\n${STYLE}`, 'text/css'))
  app.get(
    API_DOCS_PATH,
    doc('Shows the API and tries its calls; it has a login.', 'text/html'),
    async (c) => {
      const [{ digest: js }, { digest: css }] = await Promise.all([script(), style()])
      return c.html(<ApiDocs config={config} script={`docs.js?v=${js}`} style={`docs.css?v=${css}`} />)
    },
  )
  app.get('/api/docs.js', doc('The script of that page.', 'text/javascript', { others: [304] }), async (c) =>
    sendAsset(c, await script()),
  )
  app.get('/api/docs.css', doc('The style sheet of that page.', 'text/css', { others: [304] }), async (c) =>
    sendAsset(c, await style()),
  )
  return app
}

/** The first result, kept; after a failure it is tried anew. */
function once<T extends string | Promise<Asset>>(make: () => T): () => T {
  let made: T | undefined
  return () => {
    if (made === undefined) {
      made = make()
      if (made instanceof Promise) made.catch(() => (made = undefined))
    }
    return made
  }
}

function ApiDocs({ config, script, style }: { config: KitConfig; script: string; style: string }) {
  return (
    <>
      {raw('<!doctype html>')}
      <html lang="en">
        <head>
          <meta charset="utf-8" />
          <title>{`Try the ${config.name} API`}</title>
          <meta name="viewport" content="width=device-width, initial-scale=1" />
          <meta name="color-scheme" content="light dark" />
          <link rel="stylesheet" href={style} />
          <script src={script} defer />
        </head>
        <body>
          <header class="bar">
            <p>{config.apiList && <a href="list">API list</a>}</p>
            <p id="who" role="status" />
            <form id="login" hidden>
              <input
                name="email"
                type="email"
                placeholder="Email"
                aria-label="Email"
                autocomplete="username"
                required
              />
              <input
                name="password"
                type="password"
                placeholder="Password"
                aria-label="Password"
                autocomplete="current-password"
                required
              />
              <button>Log in</button>
            </form>
            <button id="logout" type="button" hidden>
              Log out
            </button>
          </header>
          <main id="api" />
          <noscript>This page needs its script. The API list and openapi.json do without.</noscript>
        </body>
      </html>
    </>
  )
}
