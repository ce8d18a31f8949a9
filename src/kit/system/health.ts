// Health: is the process alive, and can it serve. For load balancers and supervisors; no session is read.
import { z } from 'zod'
import { doc } from '../http/doc.ts'
import { appFactory } from '../http/factory.ts'

const Healthy = z.object({ status: z.literal('ok') })

export const health = appFactory()
  .createApp()

  .get('/health', doc('Says that the process is alive.', Healthy), (c) => c.var.respond({ status: 'ok' }))

  .get('/ready', doc('Says that requests would be served, or 503 and why not.', Healthy), async (c) => {
    await c.var.ready()
    return c.var.respond({ status: 'ok' })
  })
