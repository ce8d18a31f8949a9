// Renders what every page for operators has: the tabs that lead to the others, the title, and what was done last.
/** @jsxImportSource hono/jsx */
import type { Child, PropsWithChildren } from 'hono/jsx'
import type { z } from 'zod'
import type { AnyContext, AppEnv, ContextWith } from '../http/env.ts'
import { HtmlPage } from '../pages/html-page.tsx'
import { DASHBOARD_STYLE } from './style.ts'
import { DEFAULT_VIEW, PATH, Shown, type View } from './view.ts'

/** A page beside those of the kit, of a module or of a product's own. */
export interface OperatorsSection {
  /** Below that of the dashboard: `/audit`. */
  path: string
  label: string
  /** What the API list says of it. */
  summary: string
  /** Of its address; every value comes as text. */
  query: z.ZodObject
  /** Everything in it is bounded: a list by its length, a query by its lane. */
  show(this: void, c: ContextWith<AppEnv>, query: Record<string, unknown>): Promise<Child>
}

export type Tab = Pick<OperatorsSection, 'path' | 'label'>

export const KIT_TABS: readonly Tab[] = [
  { path: '', label: 'Queue' },
  { path: '/tasks', label: 'Tasks' },
  { path: '/jobs', label: 'Waiting' },
  { path: '/dead', label: 'Dead' },
  { path: '/processes', label: 'Processes' },
]

function Tabs({ c }: { c: AnyContext }) {
  const here = c.req.path.replace(/\/$/, '').slice(PATH.length)
  const tabs: readonly Tab[] = c.get('operatorsTabs')
  return (
    <nav class="tabs" aria-label="For operators">
      {tabs.map(({ path, label }) => (
        <a href={PATH + path} aria-current={here === path ? 'page' : undefined}>
          {label}
        </a>
      ))}
    </nav>
  )
}

interface Props {
  c: AnyContext
  title: string
  /** What stands above the content; by default the title. */
  heading?: Child
  notice?: string | undefined
  /** Seconds; absent on a page into which something is typed. */
  refresh?: number | undefined
  /** What its links and forms go on with. */
  view?: View
}

export function OperatorsPage(props: PropsWithChildren<Props>) {
  const { c, title, heading, notice, refresh, view = DEFAULT_VIEW, children } = props
  const { name: service, log } = c.get('config')
  const name = `${title} - ${service}`
  const shown = { ...view, now: Date.now(), secretKeys: log.redact }
  return (
    <HtmlPage
      c={c}
      title={notice === undefined ? name : `${notice} - ${name}`}
      style={DASHBOARD_STYLE}
      refresh={refresh}
    >
      <Tabs c={c} />
      <Shown.Provider value={shown}>
        {heading ?? <h1>{title}</h1>}
        {notice !== undefined && (
          <p class="notice" role="status">
            {notice}
          </p>
        )}
        {children}
      </Shown.Provider>
    </HtmlPage>
  )
}
