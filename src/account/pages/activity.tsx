// Serves the page of what happened to one's account: when, what, and from where.
/** @jsxImportSource hono/jsx */
import { z } from 'zod'
import { EventKey, listActivity } from '../../kit/audit/events.ts'
import { doc } from '../../kit/http/doc.ts'
import { cursorOf, nextPageOf, paged, type Span } from '../../kit/http/paging.ts'
import { Page, validate } from '../../kit/http/validate.ts'
import { formatAgo } from '../../kit/pages/duration.ts'
import { Line } from '../../kit/pages/record.tsx'
import { showPage } from '../../kit/pages/shell-page.tsx'
import { wordsOf } from '../audit.ts'
import { factory, requireRole } from '../product.ts'
import { deviceOf } from './sessions.tsx'

const PAGE_SIZE = 50
const BY = { you: '', nobody: '', operator: 'by an operator', service: 'by the service' }

/** When, what and from where, as the account's owner sees it. */
export const EventList = ({ events }: { events: Awaited<ReturnType<typeof listActivity>> }) => (
  <dl class="record">
    {events.map(({ at, action, by, ip, agent, details }) => (
      <Line name={<time datetime={at}>{formatAgo(Date.now() - Date.parse(at))}</time>} note={ip ?? BY[by]}>
        {wordsOf(action)}
        {typeof details?.way === 'string' && ` by ${details.way}`}
        {agent !== null && `, ${deviceOf(agent)}`}
      </Line>
    ))}
  </dl>
)

export const activityPage = factory
  .createApp()
  .get(
    '/account/activity',
    doc('Shows what happened to my account.', 'text/html'),
    requireRole('readonly'),
    validate('query', z.object({ page: Page, cursor: cursorOf(EventKey) })),
    async (c) => {
      const { db, session } = c.var
      const load = (span: Span<EventKey>) => listActivity(db, session.userId, span)
      const { page, cursor } = c.req.valid('query')
      const events = await paged(c, { page, cursor, size: PAGE_SIZE }, load, ({ at, id }) => [at, id])
      const next = nextPageOf(c)
      return showPage(
        c,
        'Your activity',
        <>
          <EventList events={events} />
          {next && <a href={next}>Earlier</a>}
        </>,
      )
    },
  )
