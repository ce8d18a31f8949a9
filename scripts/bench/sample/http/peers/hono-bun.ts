// Plain Hono on Bun.
import { PORT } from './backend.ts'
import { app } from './hono-app.ts'

Bun.serve({
  port: PORT,
  hostname: '127.0.0.1',
  reusePort: true,
  fetch: (request, server) => app.fetch(request, { ip: server.requestIP(request)?.address }),
})
