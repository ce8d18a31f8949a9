// `npm run status`: prints what the supervisor says of its processes, and what each of them counts.
import { resolve } from 'node:path'
import { readStatus, type Status } from '../src/kit/process/status.ts'
import { withStats } from '../src/kit/process/supervisor-link.ts'
import { columns } from './columns.ts'
import { readArguments, runCommand } from './command.ts'

const USAGE = `Usage: npm run status [-- --watch] [-- --json]
--json prints JSON, for scripts. The exit code is 1 where no supervisor runs on DATA_DIR.`
const REFRESH_MS = 1000
export const NO_SUPERVISOR =
  'No supervisor runs on DATA_DIR: `npm start` runs one. `npm run dev` has none, and takes up edits by itself'

export const readCurrentStatus = () => readStatus(resolve(process.env.DATA_DIR || '.data'))

if (import.meta.main) {
  await runCommand(USAGE, async () => {
    const { json, watch } = readArguments({ json: { type: 'boolean' }, watch: { type: 'boolean' } }).values
    do {
      const status = readCurrentStatus()
      if (!status) throw new Error(NO_SUPERVISOR)
      const processes = status.processes.map(withStats)
      if (watch && !json) console.log('\x1b[2J\x1b[H')
      console.log(json ? JSON.stringify({ ...status, processes }) : describe(status, processes))
      if (watch) await Bun.sleep(REFRESH_MS)
    } while (watch)
  })
}

function describe(status: Status, processes: ReturnType<typeof withStats>[]): string {
  const { pid, mode, version, port, startedAt, reload } = status
  const rows = processes.map((p) => [
    p.name,
    String(p.pid),
    p.state,
    since(p.startedAt),
    String(p.requests),
    String(p.inFlight),
    `${p.lagMs.toFixed(1)} ms`,
    `${Math.round(p.rss / 1024 ** 2)} MB`,
    String(p.restarts),
    p.lastReason,
  ])
  const heads = 'process  pid  state  age  requests  in flight  lag  memory  restarts  last change'.split(
    '  ',
  )
  return [
    `supervisor ${pid}, ${mode}, version ${version}, port ${port}, up ${since(startedAt)}`,
    reload ? describeReload(reload) : 'no reload yet',
    columns([heads, ...rows]),
  ].join('\n')
}

function describeReload({ number, result, startedAt, ms, reason }: NonNullable<Status['reload']>): string {
  const took = ms === undefined ? '' : ` in ${(ms / 1000).toFixed(1)} s`
  return `reload ${number}, ${since(startedAt)} ago: ${result}${took}${reason === undefined ? '' : `: ${reason}`}`
}

/** The largest unit says enough. */
function since(at: number): string {
  const s = Math.max(0, Math.round((Date.now() - at) / 1000))
  if (s < 120) return `${s} s`
  if (s < 7200) return `${Math.round(s / 60)} min`
  return s < 172_800 ? `${Math.round(s / 3600)} h` : `${Math.round(s / 86_400)} d`
}
