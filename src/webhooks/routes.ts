// Serves webhooks over HTTP: the endpoints that I have, and what was delivered to them.
import { z } from 'zod'
import { done, factory, requireRole } from '../account/product.ts'
import { ownLimit } from '../account/throttles.ts'
import { requireFresh } from '../kit/auth/guards.ts'
import { noStore } from '../kit/http/caching.ts'
import { doc } from '../kit/http/doc.ts'
import { notFound } from '../kit/http/errors.ts'
import { answerList, LIST, listQuery } from '../kit/http/list-query.ts'
import { rateLimit } from '../kit/http/rate-limit.ts'
import { validate } from '../kit/http/validate.ts'
import {
  addEndpoint,
  changeEndpoint,
  ChangedEndpoint,
  deleteEndpoint,
  deliveryList,
  findEndpoint,
  listEndpoints,
  NewEndpoint,
  redeliver,
  Redelivery,
  rotateSecret,
  testEndpoint,
  tooManyEndpoints,
  webhooksClosed,
} from './endpoints.ts'
import { DeliveryResponse, EndpointResponse } from './table.ts'
import { ROLE } from './webhooks.ts'

const secret = z.string().describe('Shown this once: what verifies the signatures.')
const MadeEndpoint = EndpointResponse.extend({ secret }).meta({ id: 'NewWebhookEndpoint' })
const OneEndpoint = z.object({ id: z.uuid() })
const Nothing = z.object({})

export const webhookRoutes = factory
  .createApp()
  .use('/me/webhooks/*', noStore)

  .get(
    '/me/webhooks',
    doc('Lists my webhook endpoints, the oldest first.', z.array(EndpointResponse)),
    requireRole(ROLE),
    async (c) => c.var.respond(await listEndpoints(c.var.db, c.var.session.userId)),
  )

  .post(
    '/me/webhooks',
    doc(
      'Registers a URL that is told of events in my account. Its secret is in this answer alone. Needs a recent login.',
      MadeEndpoint,
      { status: 201, errors: [tooManyEndpoints, webhooksClosed] },
    ),
    requireRole(ROLE),
    requireFresh(),
    validate('json', NewEndpoint),
    async (c) => c.var.respond(await addEndpoint(c, c.req.valid('json'))),
  )

  .patch(
    '/me/webhooks/:id',
    doc('Pauses one of my endpoints, lets it go on, or chooses its events.', EndpointResponse),
    requireRole(ROLE),
    validate('param', OneEndpoint),
    validate('json', ChangedEndpoint),
    async (c) => c.var.respond(await changeEndpoint(c, c.req.valid('param').id, c.req.valid('json'))),
  )

  .delete(
    '/me/webhooks/:id',
    doc('Deletes one of my endpoints, with its deliveries.', EndpointResponse),
    requireRole(ROLE),
    validate('param', OneEndpoint),
    async (c) => c.var.respond(await deleteEndpoint(c, c.req.valid('param').id)),
  )

  .post(
    '/me/webhooks/:id/secret',
    doc(
      'Makes another secret, which is in this answer alone. For a day both sign. Needs a recent login.',
      z.object({ secret }),
    ),
    requireRole(ROLE),
    requireFresh(),
    validate('param', OneEndpoint),
    async (c) => c.var.respond(await rotateSecret(c, c.req.valid('param').id)),
  )

  .post(
    '/me/webhooks/:id/test',
    doc('Sends an event `webhook.test` to one of my endpoints.', Nothing, { status: 202 }),
    requireRole(ROLE),
    validate('param', OneEndpoint),
    rateLimit(ownLimit),
    async (c) => c.var.respond(await done(testEndpoint(c, c.req.valid('param').id))),
  )

  .get(
    '/me/webhooks/:id/deliveries',
    doc('Lists what was delivered to one of my endpoints, or was not.', z.array(DeliveryResponse), LIST),
    requireRole(ROLE),
    validate('param', OneEndpoint),
    validate('query', listQuery(deliveryList)),
    async (c) => {
      const { id: endpoint } = await findEndpoint(c, c.req.valid('param').id)
      return c.var.respond(await answerList(c, deliveryList, c.var, { ...c.req.valid('query'), endpoint }))
    },
  )

  .post(
    '/me/webhooks/:id/redeliver',
    doc('Sends one delivery again, or all that were not delivered since a moment.', Nothing, {
      status: 202,
      errors: [notFound],
    }),
    requireRole(ROLE),
    validate('param', OneEndpoint),
    validate('json', Redelivery),
    rateLimit(ownLimit),
    async (c) => c.var.respond(await done(redeliver(c, c.req.valid('param').id, c.req.valid('json')))),
  )
