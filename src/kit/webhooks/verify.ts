// Takes webhooks of another service: who sent one, that it is not an old one sent again, and that each is handled once.
//
//   .post('/payments', doc(...), verifyWebhook({ name: 'payments', secrets: (c) => c.var.config.paymentSecrets }),
//     validate('json', Payment), async (c) => ...)
//
// Secrets of Standard Webhooks, `whsec_...`: several while one is exchanged for another.
import { readBody } from '../http/body.ts'
import { tag } from '../http/doc.ts'
import type { AnyContext } from '../http/env.ts'
import { middleware } from '../http/factory.ts'
import { defineError, unsupportedMediaType, invalidRequest } from '../types/api-error.ts'
import { isSigned } from './sign.ts'

interface Options {
  /** Under which ids are remembered, for good: two routes of one sender have two. */
  name: string
  /** None: nothing is taken. */
  secrets: readonly string[] | ((this: void, c: AnyContext) => readonly string[])
}

export const badSignature = defineError(
  401,
  'bad_signature',
  'Unauthorized! `webhook-signature` is not by this secret, or `webhook-timestamp` is not of now',
)
export const webhookInProgress = defineError(
  409,
  'webhook_in_progress',
  'One of this `webhook-id` is being handled: send it again if it fails',
  () => ({ headers: { 'Retry-After': '5' } }),
)

/** Seconds by which clocks may differ, and a signature may be old. */
const TOLERANCE_S = 5 * 60
/** For which an id that was handled is remembered: senders try for three days or so. */
const KEPT_S = 7 * 24 * 60 * 60
/** For which one that is being handled, by a process that may die, is not handled again. */
const CLAIM_S = 120
const ID = /^[\x21-\x7e]{1,255}$/

/**
 * Place it before `validate`. What comes twice is answered by 204 without the handler; after an error, which the sender
 * is to see, the same id is taken again. If a process dies at work it may be handled twice: what must not be is for a key in Postgres.
 */
export function verifyWebhook({ name, secrets }: Options) {
  const handler = middleware(async (c, next) => {
    const { store } = c.var
    const header = (part: string) => c.req.header(`webhook-${part}`) ?? ''
    const [id, timestamp] = [header('id'), header('timestamp')]
    const body = await readBody(c)
    const given = typeof secrets === 'function' ? secrets(c) : secrets
    const isRecent =
      /^\d{1,12}$/.test(timestamp) && Math.abs(Date.now() / 1000 - Number(timestamp)) <= TOLERANCE_S
    if (!ID.test(id) || !isRecent || !(await isSigned(given, { id, timestamp, body }, header('signature'))))
      throw badSignature()
    const key = `webhook:${name}:${id}`
    const claim = `taken ${crypto.randomUUID()}`
    if (!(await store.add(key, claim, CLAIM_S))) {
      if ((await store.get(key)) !== 'done') throw webhookInProgress()
      return c.body(null, 204)
    }
    let isHandled = false
    try {
      await next()
      isHandled = c.error === undefined && c.res.status < 400
    } finally {
      if (isHandled) await store.set(key, 'done', KEPT_S)
      // Not another's: whoever has taken longer than a claim lasts may not be the only one, nor the last.
      else if ((await store.get(key)) === claim) await store.delete(key)
    }
    return undefined
  })
  return tag(handler, {
    errors: [badSignature, webhookInProgress, invalidRequest, unsupportedMediaType],
    otherStatuses: [204],
    requestHeader: {
      name: 'webhook-signature',
      about: 'Of Standard Webhooks, with `webhook-id` and `webhook-timestamp`.',
      required: true,
    },
  })
}
