// The app on Node: the same app and the same drivers, behind another listener.
import { serve } from '@hono/node-server'
import { createApp } from '../../../../src/app.ts'
import { loadConfig } from '../../../../src/config.ts'
import { createDeps } from '../../../../src/kit/create-deps.ts'
import { manifest } from '../../../../src/manifest.ts'
import { PROBE, probe } from '../../../kit/support/probe.ts'

const config = loadConfig()
const { deps, close } = createDeps(config, manifest)
const app = createApp(deps)
app.route(PROBE, probe)

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
