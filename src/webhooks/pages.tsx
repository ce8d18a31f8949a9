// Serves the pages of webhooks: one's endpoints, the form to add one, and what was delivered to each.
/** @jsxImportSource hono/jsx */
import { z } from 'zod'
import { ACCOUNT } from '../account/pages/paths.ts'
import { factory, type LoggedInContext, requireRole } from '../account/product.ts'
import { ownLimit } from '../account/throttles.ts'
import { requireFresh } from '../kit/auth/guards.ts'
import { readList } from '../kit/data/list-page.ts'
import { doc } from '../kit/http/doc.ts'
import type { AnyContext } from '../kit/http/env.ts'
import { notFound } from '../kit/http/errors.ts'
import { validate } from '../kit/http/validate.ts'
import { formatAgo } from '../kit/pages/duration.ts'
import { formAction, formPage } from '../kit/pages/form-page.tsx'
import { Line, PostButton } from '../kit/pages/record.tsx'
import { showPage } from '../kit/pages/shell-page.tsx'
import { addEndpoint, changeEndpoint, deleteEndpoint, deliveryList, findEndpoint } from './endpoints.ts'
import { listEndpoints, NewEndpoint, redeliver, rotateSecret, testEndpoint } from './endpoints.ts'
import { tooManyEndpoints, webhooksClosed } from './endpoints.ts'
import { events, ROLE } from './webhooks.ts'

const WEBHOOKS = `${ACCOUNT}/webhooks`
const SHOWN = 50
const OneEndpoint = z.object({ id: z.uuid() })
const pathOf = (id: string) => `${WEBHOOKS}/of/${id}`

interface Stated {
  paused: Date | null
  failing_since: Date | null
}
const stateOf = ({ paused, failing_since: failing }: Stated) =>
  paused ? 'paused' : failing ? `failing, since ${formatAgo(Date.now() - failing.getTime())}` : 'active'

export const webhookPages = factory
  .createApp()
  .get(
    '/account/webhooks',
    doc('Shows my webhooks.', 'text/html', { link: 'Webhooks', linkFor: 'account' }),
    requireRole(ROLE),
    async (c) => {
      const endpoints = await listEndpoints(c.var.db, c.var.session.userId)
      return showPage(
        c,
        'Your webhooks',
        <>
          <p>A webhook tells another service at once what happens in your account.</p>
          <dl class="record">
            {endpoints.map((one) => (
              <Line name={stateOf(one)} note={one.types.join(', ') || 'all events'}>
                <a href={pathOf(one.id)}>{one.url}</a>
              </Line>
            ))}
          </dl>
          <a class="button" href={`${WEBHOOKS}/new`}>
            Add a webhook
          </a>
        </>,
      )
    },
  )
  .get(
    '/account/webhooks/of/:id',
    doc('Shows one of my webhooks, and what was delivered to it.', 'text/html'),
    requireRole(ROLE),
    validate('param', OneEndpoint),
    async (c) => {
      const { id, url, paused, ...one } = await findEndpoint(c, c.req.valid('param').id)
      const { rows } = await readList(deliveryList, c.var, { given: { endpoint: id }, limit: SHOWN })
      return showPage(
        c,
        'Your webhook',
        <>
          <p>
            {url}: {stateOf({ paused, ...one })}
          </p>
          {!paused && <PostButton to={`${WEBHOOKS}/test`} id={id} children="Send a test" />}
          <PostButton to={`${WEBHOOKS}/${paused ? 'resume' : 'pause'}`} id={id}>
            {paused ? 'Let it go on' : 'Pause it'}
          </PostButton>
          <PostButton to={`${WEBHOOKS}/missed`} id={id} children="Send again what was not delivered" />
          <PostButton to={`${WEBHOOKS}/secret`} id={id} children="Make another secret" />
          <PostButton to={`${WEBHOOKS}/delete`} id={id} class="danger" children="Delete it" />
          <dl class="record">
            {rows.map(({ id: delivery, type, state, status, answer, attempts, created }) => (
              <Line
                name={formatAgo(Date.now() - created.getTime())}
                note={[status ?? '', answer].filter(Boolean).join(': ')}
                action={<PostButton to={`${pathOf(id)}/again`} id={delivery} children="Send again" />}
              >
                {type}, {state}
                {attempts > 1 && ` after ${attempts} attempts`}
              </Line>
            ))}
          </dl>
        </>,
      )
    },
  )

const Secret = ({ secret }: { secret: string }) => (
  <>
    <p>Copy it now: it is shown this once. By it the other service verifies what it is told.</p>
    <pre>{secret}</pre>
    <a href={WEBHOOKS}>Back to your webhooks</a>
  </>
)

formPage(webhookPages, '/account/webhooks/new', {
  guards: [requireRole(ROLE), requireFresh()],
  title: 'A new webhook',
  summaries: ['Shows the form to add a webhook.', 'Adds it, and shows its secret this once.'],
  schema: z
    .object({ url: NewEndpoint.shape.url, types: z.string().max(5000) })
    .transform(({ url, types }) => ({ url, types: types.split(/[\s,]+/).filter(Boolean) }))
    .pipe(NewEndpoint.extend({ types: NewEndpoint.shape.types.unwrap() })),
  fields: {
    url: { label: 'URL' },
    types: {
      label: 'Events',
      required: false,
      hint: () => `All, or some of ${events.map(({ type }) => type).join(', ')}.`,
    },
  },
  button: 'Add it',
  errors: [tooManyEndpoints, webhooksClosed],
  answersPage: true,
  run: addEndpoint,
  next: (c, made) => showPage(c, 'Your new webhook', <Secret {...made} />),
})

/** A button that takes the `id` of an endpoint, and leads back to its page. */
const own = {
  guards: [requireRole(ROLE)],
  schema: OneEndpoint,
  errors: [notFound],
  next: (c: AnyContext) => pathOf((c.req.valid('form' as never) as z.output<typeof OneEndpoint>).id),
}

formAction(webhookPages, '/account/webhooks/pause', {
  ...own,
  summary: 'Pauses one of my webhooks.',
  run: (c: LoggedInContext, { id }) => changeEndpoint(c, id, { paused: true }),
  notice: 'It is paused',
})

formAction(webhookPages, '/account/webhooks/resume', {
  ...own,
  summary: 'Lets one of my webhooks go on.',
  run: (c: LoggedInContext, { id }) => changeEndpoint(c, id, { paused: false }),
  notice: 'It goes on',
})

formAction(webhookPages, '/account/webhooks/delete', {
  ...own,
  summary: 'Deletes one of my webhooks.',
  run: (c: LoggedInContext, { id }) => deleteEndpoint(c, id),
  next: WEBHOOKS,
  notice: 'It is deleted',
})

formAction(webhookPages, '/account/webhooks/test', {
  ...own,
  summary: 'Sends a test to one of my webhooks.',
  limit: ownLimit,
  run: (c: LoggedInContext, { id }) => testEndpoint(c, id),
  notice: 'A test is on its way',
})

formAction(webhookPages, '/account/webhooks/missed', {
  ...own,
  summary: 'Sends one of my webhooks again what was not delivered.',
  limit: ownLimit,
  run: (c: LoggedInContext, { id }) => redeliver(c, id, { since: new Date(0) }),
  notice: 'It is on its way',
})

const endpointOf = (c: AnyContext) => c.req.param('endpoint') ?? ''

formAction(webhookPages, '/account/webhooks/of/:endpoint/again', {
  ...own,
  summary: 'Sends one delivery again.',
  guards: [requireRole(ROLE), validate('param', z.object({ endpoint: z.uuid() }))],
  limit: ownLimit,
  run: (c: LoggedInContext, { id: delivery }) => redeliver(c, endpointOf(c), { delivery }),
  next: (c) => pathOf(endpointOf(c)),
  notice: 'It is on its way',
})

formAction(webhookPages, '/account/webhooks/secret', {
  ...own,
  summary: 'Makes another secret for one of my webhooks, and shows it this once.',
  guards: [requireRole(ROLE), requireFresh()],
  answersPage: true,
  run: (c: LoggedInContext, { id }) => rotateSecret(c, id),
  next: (c, made) => showPage(c, 'Its new secret', <Secret {...made} />),
})
