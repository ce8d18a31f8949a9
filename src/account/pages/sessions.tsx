// Serves the page of the devices on which one is signed in.
/** @jsxImportSource hono/jsx */
import { z } from 'zod'
import { noStore } from '../../kit/http/caching.ts'
import { doc } from '../../kit/http/doc.ts'
import { formatAgo } from '../../kit/pages/duration.ts'
import { formAction } from '../../kit/pages/form-page.tsx'
import { leaveNotice, takeNotice } from '../../kit/pages/notice.ts'
import { ShellPage } from '../../kit/pages/shell-page.tsx'
import { endMyOtherSessions, endOwnSession, ownSessions } from '../own-sessions.ts'
import { factory, requireRole } from '../product.ts'
import { SESSIONS } from './paths.ts'

export const sessionsPage = factory
  .createApp()
  .get(
    '/account/sessions',
    noStore,
    doc('Shows where I am signed in.', 'text/html'),
    requireRole('readonly'),
    async (c) => {
      const [sessions, notice] = await Promise.all([ownSessions(c), takeNotice(c)])
      return c.html(
        <ShellPage c={c} title="Your devices" notice={notice}>
          <dl class="record">
            {sessions.map(({ id, current, last_seen, ip, agent }) => (
              <div>
                <dt>{current ? 'This one' : formatAgo(Date.now() - last_seen.getTime())}</dt>
                <dd>
                  {deviceOf(agent)} <span class="note">{ip}</span>
                </dd>
                <dd>
                  {!current && (
                    <form method="post" action={`${SESSIONS}/end`}>
                      <input type="hidden" name="id" value={id} />
                      <button aria-label={`Sign out ${deviceOf(agent)}, ${ip}`}>Sign out</button>
                    </form>
                  )}
                </dd>
              </div>
            ))}
          </dl>
          {sessions.length > 1 && (
            <form method="post" action={`${SESSIONS}/end-others`}>
              <button>Sign out all others</button>
            </form>
          )}
        </ShellPage>,
      )
    },
  )

formAction(sessionsPage, '/account/sessions/end', {
  summary: 'Ends one of my sessions.',
  guards: [requireRole('readonly')],
  schema: z.object({ id: z.string().max(100) }),
  run: async (c, { id }) => {
    await endOwnSession(c, id)
    await leaveNotice(c, 'That device is signed out')
    return SESSIONS
  },
})

formAction(sessionsPage, '/account/sessions/end-others', {
  summary: 'Ends all my sessions but this one.',
  guards: [requireRole('readonly')],
  schema: z.object({}),
  run: async (c) => {
    await endMyOtherSessions(c)
    await leaveNotice(c, 'All other devices are signed out')
    return SESSIONS
  },
})

/** The first that a User-Agent names: each also says the names of others, for old servers. */
const BROWSERS = {
  Edg: 'Edge',
  OPR: 'Opera',
  Firefox: 'Firefox',
  FxiOS: 'Firefox',
  Chrome: 'Chrome',
  CriOS: 'Chrome',
  Safari: 'Safari',
}
const SYSTEMS = {
  iPhone: 'iPhone',
  iPad: 'iPad',
  Android: 'Android',
  Windows: 'Windows',
  'Mac OS': 'Mac',
  Linux: 'Linux',
}

/** `Firefox on Windows`; another client's own words. */
export function deviceOf(agent: string): string {
  const named = (names: object) => Object.entries(names).find(([word]) => agent.includes(word))?.[1]
  const [browser, system] = [named(BROWSERS), named(SYSTEMS)]
  return browser && system ? `${browser} on ${system}` : agent.slice(0, 60) || 'Unknown'
}
