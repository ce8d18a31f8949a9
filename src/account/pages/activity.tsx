// Serves the page of what happened to one's account: when, what, and from where.
/** @jsxImportSource hono/jsx */
import { z } from 'zod'
import { EventKey, listActivity } from '../../kit/audit/events.ts'
import { noStore } from '../../kit/http/caching.ts'
import { doc } from '../../kit/http/doc.ts'
import { cursorOf, encodeCursor } from '../../kit/http/paging.ts'
import { validate } from '../../kit/http/validate.ts'
import { formatAgo } from '../../kit/pages/duration.ts'
import { ShellPage } from '../../kit/pages/shell-page.tsx'
import { wordsOf } from '../audit.ts'
import { factory, requireRole } from '../product.ts'
import { ACTIVITY } from './paths.ts'
import { deviceOf } from './sessions.tsx'

const SHOWN = 50
const BY = { you: '', nobody: '', operator: 'by an operator', service: 'by the service' }

export const activityPage = factory
  .createApp()
  .get(
    '/account/activity',
    noStore,
    doc('Shows what happened to my account.', 'text/html'),
    requireRole('readonly'),
    validate('query', z.object({ cursor: cursorOf(EventKey) })),
    async (c) => {
      const { db, session } = c.var
      const { cursor: after } = c.req.valid('query')
      const events = await listActivity(db, session.userId, { limit: SHOWN + 1, offset: 0, after })
      const last = events.length > SHOWN ? events[SHOWN - 1] : undefined
      return c.html(
        <ShellPage c={c} title="Your activity">
          <dl class="record">
            {events.slice(0, SHOWN).map(({ at, action, by, ip, agent }) => (
              <div>
                <dt>
                  <time datetime={at}>{formatAgo(Date.now() - Date.parse(at))}</time>
                </dt>
                <dd>
                  {wordsOf(action)} {agent !== null && deviceOf(agent)}{' '}
                  <span class="note">{ip ?? BY[by]}</span>
                </dd>
              </div>
            ))}
          </dl>
          {last && <a href={`${ACTIVITY}?cursor=${encodeCursor([last.at, last.id])}`}>Earlier</a>}
        </ShellPage>,
      )
    },
  )
