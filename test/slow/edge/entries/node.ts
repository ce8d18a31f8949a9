// The app on Node: the same app and the same drivers, behind another listener.
import { serve } from '@hono/node-server'
import { createDeps } from '../../../../src/kit/create-deps.ts'
import { withProduct } from './products.ts'

const { app, config, close } = withProduct(process.env.TEST_PRODUCT, ({ settings, manifest, createApp }) => {
  const loaded = settings.load()
  const opened = createDeps(loaded, manifest)
  return { app: createApp(opened.deps), config: loaded, close: opened.close }
})

const server = serve(
  {
    hostname: config.host,
    port: config.port,
    fetch: (request, { incoming }) =>
      app.fetch(request, { remoteAddress: 'socket' in incoming ? incoming.socket.remoteAddress : undefined }),
  },
  ({ port }) => process.stdout.write(`${JSON.stringify({ event: 'listen', port })}\n`),
)

process.on('SIGTERM', () => {
  server.close(() => void close().then(() => process.exit(0)))
  if ('closeIdleConnections' in server) server.closeIdleConnections()
})
