// Plain Hono on Node, one process for each core that is asked for.
import { serve } from '@hono/node-server'
import { PORT } from './backend.ts'
import { inProcesses } from './processes.ts'

await inProcesses(async () => {
  const { app } = await import('./hono-app.ts')
  serve({
    port: PORT,
    hostname: '127.0.0.1',
    fetch: (request, { incoming }) =>
      app.fetch(request, { ip: 'socket' in incoming ? incoming.socket.remoteAddress : undefined }),
  })
})
