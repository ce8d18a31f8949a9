// Serves the page of the devices on which one is signed in.
/** @jsxImportSource hono/jsx */
import { z } from 'zod'
import { doc } from '../../kit/http/doc.ts'
import { formatAgo } from '../../kit/pages/duration.ts'
import { formAction } from '../../kit/pages/form-page.tsx'
import { Line, PostButton } from '../../kit/pages/record.tsx'
import { showPage } from '../../kit/pages/shell-page.tsx'
import { factory, requireRole, type LoggedInContext } from '../product.ts'
import { endMyOtherSessions, endOwnSession, listSessions } from '../sessions.ts'
import { SESSIONS } from './paths.ts'

export const sessionsPage = factory
  .createApp()
  .get(
    '/account/sessions',
    doc('Shows where I am signed in.', 'text/html'),
    requireRole('readonly'),
    async (c) => {
      const sessions = await listSessions(c)
      return showPage(
        c,
        'Your devices',
        <>
          <DeviceList sessions={sessions} path={SESSIONS} />
          {sessions.length > 1 && <PostButton to={`${SESSIONS}/end-others`}>Sign out all others</PostButton>}
        </>,
      )
    },
  )

interface DeviceListProps {
  sessions: Awaited<ReturnType<typeof listSessions>>
  /** Below which one of them is ended. */
  path: string
}

/** Where an account is signed in, each but this one with a button to end it. */
export const DeviceList = ({ sessions, path }: DeviceListProps) => (
  <dl class="record">
    {sessions.map(({ id, current, last_seen, ip, agent, way }) => (
      <Line
        name={current ? 'This one' : formatAgo(Date.now() - last_seen.getTime())}
        note={`${ip}, by ${way}`}
        action={
          !current && (
            <PostButton to={`${path}/end`} id={id} label={`Sign out ${deviceOf(agent)}, ${ip}`}>
              Sign out
            </PostButton>
          )
        }
      >
        {deviceOf(agent)}
      </Line>
    ))}
  </dl>
)

/** Who gives a password again goes on under another id: then that device is signed in all the same. */
export const signedOut = (isDone: boolean): string =>
  isDone
    ? 'That device is signed out'
    : 'That entry is gone: if the device is still listed, sign it out there'

formAction(sessionsPage, '/account/sessions/end', {
  summary: 'Ends one of my sessions.',
  guards: [requireRole('readonly')],
  schema: z.object({ id: z.string().max(100) }),
  run: (c: LoggedInContext, { id }) => endOwnSession(c, id),
  next: SESSIONS,
  notice: (_, isDone) => signedOut(isDone),
})

formAction(sessionsPage, '/account/sessions/end-others', {
  summary: 'Ends all my sessions but this one.',
  guards: [requireRole('readonly')],
  run: endMyOtherSessions,
  next: SESSIONS,
  notice: 'All other devices are signed out',
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
