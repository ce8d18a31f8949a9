// Tells accounts how the jobs that they enqueued are doing, asked once or followed.
import { z } from 'zod'
import type { RequireRole } from '../auth/role-guard.ts'
import { isTransient } from '../data/transient.ts'
import type { Deps } from '../deps.ts'
import { noStore } from '../http/caching.ts'
import { doc } from '../http/doc.ts'
import type { Product } from '../http/env.ts'
import { notFound } from '../http/errors.ts'
import { eventStream, type EventStream } from '../http/event-stream.ts'
import { appFactory } from '../http/factory.ts'
import type { Session } from '../http/live-session.ts'
import { validate } from '../http/validate.ts'
import type { JobStatus } from '../jobs/element.ts'
import { ApiError } from '../types/api-error.ts'
import { answerOf, JobResponse } from './schema.ts'

/**
 * How often a stream looks: as often as workers write progress down. It costs a GET, some tens of microseconds that
 * all streams of a process share in one pipeline; a subscription would cost a second connection and its outages.
 */
const POLL_MS = 500
/** Streams of one account in one process. */
const MAX_STREAMS = 10

const OneJob = z.object({ id: z.string().regex(/^[\w-]{1,64}$/) })

interface Options<P extends Product> {
  requireRole: RequireRole<P>
  /** The lowest role that may ask. */
  least: P['Role']
}

export function jobStatus<P extends Product>({ requireRole, least }: Options<P>) {
  const open = new Map<string, number>()

  return appFactory<P>()
    .createApp()
    .use(noStore)

    .get(
      '/:id',
      doc('Says how my background job is doing, and what came of it.', JobResponse),
      requireRole(least),
      validate('param', OneJob),
      async (c) => {
        const job = await findOwn(c.var, c.req.valid('param').id)
        if (job === undefined) throw notFound(c)
        return c.var.respond(answerOf(job))
      },
    )

    .get(
      '/:id/events',
      doc('Follows my background job by server-sent events, until it has ended.', 'text/event-stream', {
        others: [204, 429],
      }),
      requireRole(least),
      validate('param', OneJob),
      async (c) => {
        const { userId } = c.var.session
        const job = await findOwn(c.var, c.req.valid('param').id)
        if (job === undefined) throw notFound(c)
        // A browser connects again when a stream ends; this is how it is told that there is no more to come.
        if (hasEnded(job) && c.req.header('last-event-id') === eventId(job)) return c.body(null, 204)
        if ((open.get(userId) ?? 0) >= MAX_STREAMS) {
          throw new ApiError(429, `You follow ${MAX_STREAMS} jobs already; close one`)
        }
        return eventStream(c, async (stream) => {
          open.set(userId, (open.get(userId) ?? 0) + 1)
          try {
            await follow(c.var, job, stream)
          } finally {
            const left = (open.get(userId) ?? 1) - 1
            if (left > 0) open.set(userId, left)
            else open.delete(userId)
          }
        })
      },
    )
}

/** A job of somebody else is as unknown as one that never was, to superusers too: its result is its owner's. */
async function findOwn(
  { jobStatus: read, session }: Pick<Deps, 'jobStatus'> & { session: { userId: string } },
  id: string,
): Promise<JobStatus | undefined> {
  const job = await read(id)
  return job?.by === session.userId ? job : undefined
}

/** Sends the state at once and at each change; ends when the job or the session has, or when its status has expired. */
async function follow(
  { jobStatus: read, session }: Pick<Deps, 'jobStatus'> & { session: Session },
  first: JobStatus,
  stream: EventStream,
) {
  let job: JobStatus | undefined = first
  let shown = ''
  const look = async (known: JobStatus): Promise<JobStatus | undefined> => {
    const now = await read(known.id)
    const isNews = JSON.stringify(now) !== JSON.stringify(known)
    return isNews && !(await session.isOpen()) ? undefined : now
  }
  while (job !== undefined) {
    const data = JSON.stringify(answerOf(job))
    if (data !== shown) stream.send({ id: eventId(job), data })
    shown = data
    if (hasEnded(job) || !(await stream.wait(POLL_MS))) return
    const known: JobStatus = job
    job = await look(known).catch((error: unknown) => {
      // The stream lasts longer than a short outage, which the connection logs.
      if (isTransient(error)) return known
      throw error
    })
  }
}

const hasEnded = ({ state }: JobStatus) => state === 'done' || state === 'failed'
const eventId = ({ state, progress }: JobStatus) => (progress === undefined ? state : `${state}-${progress}`)
