// Serves the status of jobs to the accounts that enqueued them, once or as a stream of events.
import { z } from 'zod'
import type { RequireRole } from '../auth/guards.ts'
import { isTransient } from '../data/transient.ts'
import type { KitDeps } from '../deps.ts'
import { noStore } from '../http/caching.ts'
import { doc } from '../http/doc.ts'
import type { AnyProduct } from '../http/env.ts'
import { notFound } from '../http/errors.ts'
import { eventStream, type EventStream } from '../http/event-stream.ts'
import { appFactory } from '../http/factory.ts'
import type { Session } from '../http/live-session.ts'
import { Places } from '../http/places.ts'
import type { Answer } from '../http/respond.ts'
import { validate } from '../http/validate.ts'
import type { JobStatus } from '../jobs/status.ts'
import { defineError } from '../types/api-error.ts'
import { toJobResponse, JobResponse } from './schema.ts'

/**
 * How often a stream polls: as often as workers write the progress. A poll is a GET, some tens of microseconds in a
 * pipeline that all streams of a process share; a subscription would need a second connection, with outages of its own.
 */
const POLL_MS = 500
/** Concurrent streams of one account in one process. */
const MAX_STREAMS = 10

const tooManyStreams = defineError(
  429,
  'too_many_streams',
  `You follow ${MAX_STREAMS} jobs already: close one`,
)

const notCancellable = defineError(409, 'not_cancellable', 'Jobs of this kind cannot be cancelled')

const OneJob = z.object({ id: z.string().regex(/^[\w.-]{1,64}$/) })

type Shown = Answer<typeof JobResponse>

interface Options<P extends AnyProduct> {
  requireRole: RequireRole<P>
  /** The lowest role that may ask. */
  role: P['Role']
  /**
   * By the name of a task the lowest role that sees its jobs, and by a login alone: for results of which a program, or whoever has lost a
   * role, may read nothing elsewhere.
   */
  guarded?: Readonly<Record<string, P['Role']>>
}

export function jobStatus<P extends AnyProduct>({ requireRole, role, guarded = {} }: Options<P>) {
  const isFor: IsFor = ({ roles, session: { access } }, { task }, now) => {
    const least = Object.hasOwn(guarded, task) ? guarded[task] : undefined
    return least === undefined || (access === undefined && roles.atLeast(now, least))
  }
  const places = new Places(MAX_STREAMS)

  return appFactory<P>()
    .createApp()
    .use(noStore)

    .get(
      '/:id',
      doc('Returns the status of my background job, and its result.', JobResponse),
      requireRole(role),
      validate('param', OneJob),
      async (c): Promise<Shown> => {
        const job = await findOwn(c.var, c.req.valid('param').id, isFor)
        if (job === undefined) throw notFound(c)
        return c.var.respond(toJobResponse(job))
      },
    )

    .delete(
      '/:id',
      doc('Cancels my background job. One that has ended stays as it is.', JobResponse, {
        errors: [notCancellable],
      }),
      requireRole(role),
      validate('param', OneJob),
      async (c): Promise<Shown> => {
        const { id } = c.req.valid('param')
        const job = (await findOwn(c.var, id, isFor)) && (await c.var.cancelJob(id))
        if (job === undefined) throw notFound(c)
        if (!hasEnded(job)) throw notCancellable()
        return c.var.respond(toJobResponse(job))
      },
    )

    .get(
      '/:id/events',
      doc(
        'Streams the status of my background job as server-sent events, until it has ended.',
        'text/event-stream',
        { otherStatuses: [204], errors: [tooManyStreams] },
      ),
      requireRole(role),
      validate('param', OneJob),
      async (c) => {
        const { userId } = c.var.session
        const job = await findOwn(c.var, c.req.valid('param').id, isFor)
        if (job === undefined) throw notFound(c)
        // A browser reconnects when a stream ends; 204 tells it to stop.
        if (hasEnded(job) && c.req.header('last-event-id') === eventId(job)) return c.body(null, 204)
        if (places.isFull(userId)) throw tooManyStreams()
        return eventStream(c, (stream) => follow(c.var, job, stream, isFor).finally(places.take(userId)))
      },
    )
}

type Asker = Pick<KitDeps, 'jobStatus' | 'roles'> & { session: Session }
/** Whether a job is for its owner, who has this role by now. */
type IsFor = (this: void, asker: Asker, job: JobStatus, now: string) => boolean

/** Hides the jobs of other accounts, from superusers too, and from who acts as the owner: the result is the owner's alone. */
async function findOwn(asker: Asker, id: string, isFor: IsFor): Promise<JobStatus | undefined> {
  const { session } = asker
  const job = await asker.jobStatus(id)
  const isOwn = job?.by === session.userId && session.impersonator === undefined
  return isOwn && isFor(asker, job, session.role) ? job : undefined
}

/** Sends the status at once and at each change, until the job or the session ends or the status expires. */
async function follow(asker: Asker, first: JobStatus, stream: EventStream, isFor: IsFor) {
  const { jobStatus: read, session } = asker
  let job: JobStatus | undefined = first
  let shown = ''
  const poll = async (known: JobStatus): Promise<JobStatus | undefined> => {
    const now = await read(known.id)
    const isNews = JSON.stringify(now) !== JSON.stringify(known)
    if (!isNews) return now
    const role = await session.openRole()
    return role !== undefined && isFor(asker, known, role) ? now : undefined
  }
  while (job !== undefined) {
    const data = JSON.stringify(toJobResponse(job))
    if (data !== shown) stream.send({ id: eventId(job), data })
    shown = data
    if (hasEnded(job) || !(await stream.wait(POLL_MS))) return
    const known: JobStatus = job
    job = await poll(known).catch((error: unknown) => {
      // The stream outlasts a short outage, which the connection logs.
      if (isTransient(error)) return known
      throw error
    })
  }
}

const hasEnded = ({ state }: JobStatus) => state !== 'waiting' && state !== 'running'
const eventId = ({ state, progress }: JobStatus) => (progress === undefined ? state : `${state}-${progress}`)
