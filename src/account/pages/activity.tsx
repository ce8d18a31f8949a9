// Serves the page of what happened to one's account: when, what, and from where.
/** @jsxImportSource hono/jsx */
import { activityList } from '../../kit/audit/events.ts'
import { doc } from '../../kit/http/doc.ts'
import { answerList, LIST, listQuery } from '../../kit/http/list-query.ts'
import { nextPageOf } from '../../kit/http/paging.ts'
import { validate } from '../../kit/http/validate.ts'
import { formatAgo } from '../../kit/pages/duration.ts'
import { Line } from '../../kit/pages/record.tsx'
import { showPage } from '../../kit/pages/shell-page.tsx'
import { wordsOf } from '../audit.ts'
import { factory, requireRole } from '../product.ts'
import { deviceOf } from './sessions.tsx'

const PAGE_SIZE = 50
const BY = { you: '', nobody: '', operator: 'by an operator', service: 'by the service' }

/** When, what and from where, as the account's owner sees it. */
export const EventList = ({ events }: { events: (typeof activityList.types.row)[] }) => (
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
    doc('Shows what happened to my account.', 'text/html', { errors: LIST.errors }),
    requireRole('readonly'),
    validate('query', listQuery(activityList).pick({ page: true, cursor: true })),
    async (c) => {
      const scope = { db: c.var.db, me: c.var.session.userId }
      const query = { ...c.req.valid('query'), size: PAGE_SIZE }
      const events = await answerList(c, activityList, scope, query)
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
