// Serves the pages for people: the descriptions of the API, an example of a rendered page, robots.txt and the icon.
/** @jsxImportSource hono/jsx */
import { z } from 'zod'
import { doc } from '../http/doc.ts'
import { appFactory } from '../http/factory.ts'
import type { Reference } from '../reference/openapi-document.ts'
import { descriptions } from '../reference/descriptions.tsx'
import { Example } from './example.tsx'
import { FAVICON } from './favicon.ts'

const Version = z.object({ name: z.string(), version: z.string() })

const ONE_DAY = 'public, max-age=86400'

/** Not chained: the typed client has no use for pages. */
export function pages(reference: Reference) {
  const { config } = reference
  const app = appFactory().createApp()
  if (config.apiList) {
    app.route('/', descriptions(reference))
    app.get('/', doc('Redirects to the API list.', null, { status: 302 }), (c) => c.redirect('/api/list'))
  } else {
    app.get('/', doc('Says name and version.', Version), (c) =>
      c.var.respond({ name: config.name, version: config.version }),
    )
  }
  app.get('/examplehtml', doc('Shows how to render a page on the server.', 'text/html'), (c) =>
    c.html(<Example c={c} agent={c.req.header('user-agent') ?? 'unknown'} now={new Date()} />),
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
