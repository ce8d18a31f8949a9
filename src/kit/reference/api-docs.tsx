// Serves the OpenAPI document, and a page to try the API: Swagger UI from our own origin, with a form to sign in.
/** @jsxImportSource hono/jsx */
import { secureHeaders } from 'hono/secure-headers'
import type { KitConfig } from '../config/kit-config.ts'
import type { KitDeps } from '../deps.ts'
import { doc, type ApiRoute } from '../http/doc.ts'
import { appFactory } from '../http/factory.ts'
import { HtmlDocument } from '../http/html-page.tsx'
import { SCRIPT } from './api-docs-script.ts'
import { API_DOCS_STYLE } from './api-docs-style.ts'
import { packAsset, sendAsset, type Asset } from './assets.ts'
import { openApi, type ApiInfo } from './openapi.ts'

export const API_DOCS_PATH = '/api/docs'

/** This page alone runs scripts: its own, which can reach only this origin. */
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
  /** Called at the first view, when every slice has been added. */
  routes: () => ApiRoute[]
  asset: KitDeps['apiDocsAsset']
}

/** The settings turn the page on; the document exists if the page or the API list does. */
export function apiDocs({ config, routes, asset, ...about }: Options) {
  const app = appFactory().createApp()
  if (config.apiList || config.apiDocs) {
    const document = once(() => {
      const { name, version } = config
      return JSON.stringify(openApi(routes(), { title: `${name} API`, version, ...about }))
    })
    app.get(
      '/api/openapi.json',
      doc('Returns the OpenAPI document, which describes this API for programs.', 'application/json'),
      (c) => c.body(document(), 200, { 'Content-Type': 'application/json' }),
    )
  }
  if (!config.apiDocs) return app

  const script = once(async () => packAsset(`${await asset('script')}\n${SCRIPT}`, 'text/javascript'))
  const style = once(async () => packAsset(`${await asset('style')}\n${API_DOCS_STYLE}`, 'text/css'))
  app.get(API_DOCS_PATH, doc('Shows the API and lets you try its calls.', 'text/html'), async (c) => {
    const [{ digest: js }, { digest: css }] = await Promise.all([script(), style()])
    return c.html(<ApiDocs config={config} script={`docs.js?v=${js}`} style={`docs.css?v=${css}`} />)
  })
  app.get(
    '/api/docs.js',
    doc('Returns the script of that page.', 'text/javascript', { otherStatuses: [304] }),
    async (c) => sendAsset(c, await script()),
  )
  app.get(
    '/api/docs.css',
    doc('Returns the style sheet of that page.', 'text/css', { otherStatuses: [304] }),
    async (c) => sendAsset(c, await style()),
  )
  return app
}

/** Memoises the first result; after a failure the next call tries again. */
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
    <HtmlDocument
      title={`Try the ${config.name} API`}
      head={
        <>
          <link rel="stylesheet" href={style} />
          <script src={script} defer />
        </>
      }
    >
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
          <button>Sign in</button>
        </form>
        <button id="logout" type="button" hidden>
          Sign out
        </button>
      </header>
      <main id="api" />
      <noscript>This page needs JavaScript. The API list and openapi.json do not.</noscript>
    </HtmlDocument>
  )
}
