// Shows the processes of this machine, what the supervisor says of them, and the workers of all.
/** @jsxImportSource hono/jsx */
import { useContext } from 'hono/jsx'
import type { WorkerView } from '../jobs/stats.ts'
import { formatDuration } from '../pages/duration.ts'
import type { SupervisorStatus } from '../types/supervisor.ts'
import { Age, Named, number, Table } from './parts.tsx'
import { WorkerTable } from './tables.tsx'
import { PATH, Shown } from './view.ts'

interface Props {
  status: SupervisorStatus | undefined
  workers: WorkerView[]
}

export function ProcessesPage({ status, workers }: Props) {
  return (
    <>
      <section id="machine">
        <div class="bar">
          <h2>{status ? `On ${status.host}` : 'This machine'}</h2>
          {status && (
            <form method="post" action={`${PATH}/reload`}>
              <button>Reload</button>
            </form>
          )}
        </div>
        {status ? <Machine status={status} /> : <NoSupervisor />}
      </section>
      <section id="workers">
        <h2>Workers, on all machines</h2>
        <WorkerTable workers={workers} />
      </section>
    </>
  )
}

const NoSupervisor = () => (
  <p>
    No supervisor runs on DATA_DIR: <code>npm start</code> runs one, and here stand its processes.{' '}
    <code>npm run dev</code> has none.
  </p>
)

function Machine({ status }: { status: SupervisorStatus }) {
  const { pid, mode, version, startedAt, reload, processes } = status
  const { now } = useContext(Shown)
  const rows = processes.map(({ name, pid: own, state, ...p }) => [
    <Named name={<strong>{name}</strong>}>{`process ${own}`}</Named>,
    <span class={`badge ${state === 'ready' ? 'good' : 'warn'}`}>{state}</span>,
    <Age at={p.startedAt} />,
    name.startsWith('server') ? (
      `${number.format(p.requests)}, ${p.inFlight} now`
    ) : (
      <span class="note">none</span>
    ),
    `${p.lagMs.toFixed(1)} ms`,
    `${Math.round(p.rss / 1024 ** 2)} MB`,
    p.restarts === 0 ? '0' : <span class="bad">{String(p.restarts)}</span>,
    p.lastReason,
  ])
  return (
    <>
      <p class="note">{`Supervisor ${pid}, ${mode}, version ${version}, up for ${formatDuration(now - startedAt)}. ${lastReload(reload, now)}`}</p>
      <Table
        columns={['Process', 'State', 'Up for', 'Requests', 'Loop lag', 'Memory', 'Deaths', 'Last change']}
        rows={rows}
      />
      <p class="note">
        Reload replaces one process after the other by one that reads code and settings anew; no request is
        lost. It takes a password that was given within the last minutes, and is kept in the audit trail.
        Other machines are reloaded there.
      </p>
    </>
  )
}

function lastReload(reload: SupervisorStatus['reload'], now: number): string {
  if (!reload) return 'No reload yet.'
  const took = reload.ms === undefined ? '' : ` in ${(reload.ms / 1000).toFixed(1)} sec`
  const why = reload.reason === undefined ? '' : `: ${reload.reason}`
  return `The last reload ${reload.result === 'running' ? 'is running' : reload.result}${took}, begun ${formatDuration(now - reload.startedAt)} ago${why}.`
}
