// Serves health and readiness to load balancers and supervisors, without a session.
import { z } from 'zod'
import { doc } from '../http/doc.ts'
import { appFactory } from '../http/factory.ts'

const Healthy = z.object({ status: z.literal('ok') })

export const health = appFactory()
  .createApp()

  .get('/health', doc('Says that the process is alive.', Healthy), (c) => c.var.respond({ status: 'ok' }))

  .get(
    '/ready',
    doc('Says that requests would be served, or responds with 503 and the reason.', Healthy),
    async (c) => {
      await c.var.ready()
      return c.var.respond({ status: 'ok' })
    },
  )
