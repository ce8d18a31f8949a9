// Serves the development endpoints, for tests and for trying things out. They do not exist in production.
/** @jsxImportSource hono/jsx */
import { z } from 'zod'
import { eachHost } from '../../config/hosts.ts'
import { doc } from '../../http/doc.ts'
import type { AppEnv, AnyProduct } from '../../http/env.ts'
import { appFactory } from '../../http/factory.ts'
import { validate, wholeNumber } from '../../http/validate.ts'
import { forbidden } from '../../types/api-error.ts'
import type { Store } from '../../types/store.ts'
import { KEPT_MAILS } from '../../types/mail.ts'
import { localOnly } from './local-only.ts'
import { Mails, type KeptMail } from './mails.tsx'
import { truncateAll } from './truncate.ts'

const MAX_MS = 600_000

const Duration = z.object({ ms: wholeNumber(0, MAX_MS) })
const Megabytes = z.object({ mb: wholeNumber(1, 99) })
const Waited = z.object({ ms: z.number() })

interface Options<P extends AnyProduct> {
  /** Queues one of the product's mails. */
  queueMail(this: void, given: AppEnv<P>['Variables']): Promise<unknown>
}

export function devRoutes<P extends AnyProduct>({ queueMail }: Options<P>) {
  return appFactory<P>()
    .createApp()
    .use(localOnly)

    .post('/dbtruncate', doc('Empties every table and ends all sessions.', z.object({})), async (c) => {
      const { config, db, sessions } = c.var
      if (!config.devTruncate && !isLoopback(config.databaseUrl)) {
        throw forbidden({
          message: 'The database is not on this machine: set DEV_TRUNCATE=1 to allow this anyway',
        })
      }
      await truncateAll(db)
      await sessions.destroyAll()
      return c.var.respond({})
    })

    .get(
      '/counter',
      doc('Counts its calls atomically in Redis.', z.object({ counter: z.number() })),
      async (c) => c.var.respond({ counter: await c.var.store.increment('apitest:counter') }),
    )

    .get(
      '/sendemail',
      doc('Queues a mail, to me or else to the newest account.', z.object({ reply: z.string() })),
      async (c) => {
        await queueMail(c.var)
        return c.var.respond({ reply: 'background task will start' })
      },
    )

    .get(
      '/mails',
      doc('Shows the mails that were kept instead of sent.', 'text/html', { link: 'Mails' }),
      async (c) => {
        const { store }: { store: Store } = c.var
        const mails = await store.all<KeptMail>(KEPT_MAILS)
        return c.html(<Mails c={c} mails={mails.toReversed()} />)
      },
    )

    .get(
      '/sleep',
      doc('Responds after a while, without blocking the process.', Waited),
      validate('query', Duration),
      async (c) => {
        const { ms } = c.req.valid('query')
        await sleep(ms, c.var.signal())
        return c.var.respond({ ms })
      },
    )

    .get(
      '/block',
      doc('Responds after a while, and blocks the whole process until then.', Waited),
      validate('query', Duration),
      (c) => {
        const { ms } = c.req.valid('query')
        const end = performance.now() + ms
        while (performance.now() < end);
        return c.var.respond({ ms })
      },
    )

    .get(
      '/leak',
      doc('Leaks some memory.', z.object({ mb: z.number() })),
      validate('query', Megabytes),
      (c) => {
        const { mb } = c.req.valid('query')
        // Different texts, with one byte per character.
        leaked.push(Array.from({ length: mb * 16 }, () => crypto.randomUUID().repeat(1820)).join(''))
        return c.var.respond({ mb })
      },
    )
}

/** What `/leak` leaks. */
const leaked: string[] = []

/** Whether all hosts that it names are this machine. */
const isLoopback = (databaseUrl: string) =>
  eachHost(databaseUrl).every((url) => /^(?:localhost|\[::1\]|127\..*)$/.test(new URL(url).hostname))

/** Resolves after `ms`, or as soon as the signal fires. */
function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms)
    signal.addEventListener('abort', () => {
      clearTimeout(timer)
      resolve()
    })
  })
}
