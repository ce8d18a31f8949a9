// Shows the whole queue at a glance. The page refreshes itself, so nothing is typed into it.
/** @jsxImportSource hono/jsx */
import { type PropsWithChildren, useContext } from 'hono/jsx'
import type { AnyContext } from '../http/env.ts'
import type { CronView } from '../jobs/cron-admin.ts'
import type { JobView } from '../jobs/places.ts'
import type { Stats } from '../jobs/stats.ts'
import { Chart } from './chart.tsx'
import { DeadTable } from './dead-jobs.tsx'
import { ActionButton, isoOf, number } from './parts.tsx'
import { OperatorsPage } from './shell.tsx'
import { CronTable, QueueTable, RunningTable, WorkerTable } from './tables.tsx'
import { PATH, Shown, urlOf, type View } from './view.ts'

const REFRESH_S = 5
/** A notice stays long enough to be read. */
const REFRESH_WITH_NOTICE_S = 12

interface Props {
  c: AnyContext
  /** The account that is signed in. */
  who: string
  stats: Stats
  /** The newest. */
  dead: JobView[]
  crons: CronView[]
  notice: string | undefined
  view: View
}

export function QueuePage({ c, who, stats, dead, crons, notice, view }: Props) {
  const title = `${c.get('config').name} queue`
  const every = notice === undefined ? REFRESH_S : REFRESH_WITH_NOTICE_S
  return (
    <OperatorsPage
      c={c}
      title="Queue"
      heading={<Header title={title} who={who} paused={stats.paused} />}
      notice={notice}
      refresh={view.refresh === 'on' ? every : undefined}
      view={view}
    >
      <QueueStats stats={stats} />
      <Section id="hour" title="Last hour">
        <Chart minutes={stats.minutes} />
      </Section>
      <Section id="queues" title="Queues">
        <QueueTable queues={stats.queues} />
      </Section>
      <Section id="running" title="Running">
        <RunningTable workers={stats.workers} />
      </Section>
      <Section id="workers" title="Workers">
        <WorkerTable workers={stats.workers} />
      </Section>
      <Section id="crons" title="Crons">
        <CronTable crons={crons} />
      </Section>
      <section id="dead">
        <div class="bar">
          <h2>Dead jobs</h2>
          {stats.dead > 0 && (
            <div class="actions">
              <a class="button" href={`${PATH}/dead`}>
                {`All ${number.format(stats.dead)}: filter, choose many`}
              </a>
            </div>
          )}
        </div>
        {stats.trimmed > 0 && (
          <p class="note">
            {`${number.format(stats.trimmed)} older ones were deleted: JOB_KEEP_DEAD limits how many are kept.`}
          </p>
        )}
        <DeadTable jobs={dead} />
      </section>
    </OperatorsPage>
  )
}

function Section({ id, title, children }: PropsWithChildren<{ id: string; title: string }>) {
  return (
    <section id={id}>
      <h2>{title}</h2>
      {children}
    </section>
  )
}

function Header({ title, who, paused }: { title: string; who: string; paused: boolean }) {
  const { now, refresh } = useContext(Shown)
  const isOn = refresh === 'on'
  return (
    <div>
      <div class="bar">
        <h1>
          {title} {paused && <span class="badge warn">paused</span>}
        </h1>
        <span class="note">{who}</span>
      </div>
      <div class="bar">
        <p class="note">
          As of <time datetime={isoOf(now)} title={isoOf(now)}>{`${isoOf(now)?.slice(11, 19)} UTC`}</time>,{' '}
          {isOn ? `refreshed every ${REFRESH_S} seconds. ` : 'not refreshed. '}
          <a href={urlOf({ refresh: isOn ? 'off' : 'on' })}>
            {isOn ? 'Stop refreshing' : 'Start refreshing'}
          </a>
        </p>
        <ActionButton action={paused ? 'resume' : 'pause'}>
          {paused ? 'Resume the queue' : 'Pause the queue'}
        </ActionButton>
      </div>
    </div>
  )
}

function QueueStats({ stats: { waiting, running, later, dead, minutes } }: { stats: Stats }) {
  // The last complete minute.
  const last = minutes.at(-2)
  const shown = [
    { name: 'Waiting', count: waiting, href: `${PATH}/jobs` },
    { name: 'Running', count: running, href: '#running' },
    { name: 'Delayed', count: later, href: `${PATH}/jobs?place=later` },
    { name: 'Dead', count: dead, href: `${PATH}/dead`, isBad: dead > 0 },
    { name: 'Done per minute', count: last?.done ?? 0, href: '#hour' },
    { name: 'Failed per minute', count: last?.failed ?? 0, href: '#hour', isBad: (last?.failed ?? 0) > 0 },
  ]
  return (
    <dl class="stats">
      {shown.map(({ name, count, href, isBad }) => (
        <div>
          <dt>{href ? <a href={href}>{name}</a> : name}</dt>
          <dd class={isBad ? 'bad' : undefined}>{number.format(count)}</dd>
        </div>
      ))}
    </dl>
  )
}
