// Serves a page to try the API: Swagger UI from our own origin.
/** @jsxImportSource hono/jsx */
import type { KitConfig } from '../config/kit-config.ts'
import type { ConfigFrom } from '../config/settings.ts'
import type { KitDeps } from '../deps.ts'
import { doc } from '../http/doc.ts'
import { appFactory } from '../http/factory.ts'
import type { AnyContext } from '../http/env.ts'
import { widenPolicy } from '../http/security-headers.ts'
import { HtmlDocument } from '../pages/html-page.tsx'
import { SiteHeader } from '../pages/site-header.tsx'
import { openApiDocument, type Reference } from '../reference/openapi-document.ts'
import { llmsText } from './llms-text.ts'
import { packAsset, sendAsset, type Asset } from './assets.ts'
import { SCRIPT } from './script.ts'
import type { apiDocsSettings } from './settings.ts'
import { API_DOCS_STYLE } from './style.ts'

/** This page alone runs scripts: its own, which can reach only this origin. */
const POLICY = { 'script-src': "'self'", 'connect-src': "'self'" }

interface Options extends Reference {
  config: KitConfig & ConfigFrom<typeof apiDocsSettings>
}

/** The page where the settings turn it on, and `/llms.txt` beside the API list. It brings the document that it shows, if the API list does not. */
export function apiDocs(reference: Options) {
  const { config } = reference
  const app = appFactory().createApp()
  const isOn = config.apiDocs ?? !config.production
  if (config.apiList) app.route('/', llmsText(reference, isOn))
  if (!isOn) return app

  if (!config.apiList) app.route('/', openApiDocument(reference))
  const script = asset('swagger-ui-bundle.js', SCRIPT, 'text/javascript')
  const style = asset('swagger-ui.css', API_DOCS_STYLE, 'text/css')
  app.get(
    '/api/docs',
    doc('Shows the API and lets you try its calls.', 'text/html', { link: 'Try it' }),
    async (c) => {
      widenPolicy(c, POLICY)
      const [{ digest: js }, { digest: css }] = await Promise.all([script(c.var), style(c.var)])
      return c.html(<ApiDocs c={c} script={`docs.js?v=${js}`} style={`docs.css?v=${css}`} />)
    },
  )
  app.get(
    '/api/docs.js',
    doc('Returns the script of that page.', 'text/javascript', { otherStatuses: [304] }),
    async (c) => sendAsset(c, await script(c.var)),
  )
  app.get(
    '/api/docs.css',
    doc('Returns the style sheet of that page.', 'text/css', { otherStatuses: [304] }),
    async (c) => sendAsset(c, await style(c.var)),
  )
  return app
}

/** Packs a file of Swagger UI with our own behind it, at its first view; after a failure the next view tries again. */
function asset(name: string, own: string, type: string) {
  let packed: Promise<Asset> | undefined
  const pack = async ({ packageFile }: Pick<KitDeps, 'packageFile'>) =>
    packAsset(`${await packageFile(`swagger-ui-dist/${name}`)}\n${own}`, type)
  return (deps: Pick<KitDeps, 'packageFile'>): Promise<Asset> => {
    if (packed === undefined) {
      packed = pack(deps)
      packed.catch(() => (packed = undefined))
    }
    return packed
  }
}

function ApiDocs({ c, script, style }: { c: AnyContext; script: string; style: string }) {
  return (
    <HtmlDocument
      title={`Try the ${c.get('config').name} API`}
      head={
        <>
          <link rel="stylesheet" href={style} />
          <script src={script} defer />
        </>
      }
    >
      <SiteHeader c={c} />
      <p id="who" role="status" />
      <main id="main">
        <div id="api" />
      </main>
      <noscript>This page needs JavaScript. The API list and openapi.json do not.</noscript>
    </HtmlDocument>
  )
}
