// Pages for people: the API list at the door, an example of a rendered page, robots.txt and the icon.
/** @jsxImportSource hono/jsx */
import { z } from 'zod'
import type { Config } from '../config.ts'
import { doc, type ApiRoute } from '../web/doc.ts'
import { factory } from '../web/factory.ts'
import { ApiList } from './api-list.tsx'
import { Example } from './example.tsx'
import { FAVICON } from './favicon.ts'

const Version = z.object({ name: z.string(), version: z.string() })

const ONE_DAY = 'public, max-age=86400'

/**
 * Added one by one, not in a chain: a typed client has no use for pages.
 * `routes` is asked at the first view of the list, when every slice has been added.
 */
export function pages({ config, routes }: { config: Config; routes: () => ApiRoute[] }) {
  let documented: ApiRoute[] | undefined
  const app = factory.createApp()
  if (config.apiList) {
    app.get('/api/list', doc('Lists every method of this API: this page.', 'text/html'), (c) => {
      documented ??= routes()
      return c.html(<ApiList config={config} startedAt={c.var.startedAt} routes={documented} />)
    })
    app.get('/', doc('Leads to the API list.', null, 302), (c) => c.redirect('/api/list'))
  } else {
    app.get('/', doc('Says name and version.', Version), (c) =>
      c.var.answer({ name: config.name, version: config.version }),
    )
  }
  app.get('/examplehtml', doc('Shows how to render a page on the server.', 'text/html'), (c) =>
    c.html(<Example agent={c.req.header('user-agent') ?? 'unknown'} now={new Date()} />),
  )

  app.get('/robots.txt', doc('Denies all robots.', 'text/plain'), (c) => {
    c.header('Cache-Control', ONE_DAY)
    return c.text('User-agent: *\nDisallow: /\n')
  })

  app.get('/favicon.ico', doc('The icon.', 'image/svg+xml'), (c) => {
    c.header('Cache-Control', ONE_DAY)
    return c.body(FAVICON, 200, { 'Content-Type': 'image/svg+xml; charset=utf-8' })
  })

  return app
}
