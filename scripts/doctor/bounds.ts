// What is near its bound: of Postgres, Redis, the queues and the processes that run. Only what is near is told.
import { readFileSync, readdirSync } from 'node:fs'
import type postgres from 'postgres'
import type { Stats } from '../../src/kit/jobs/stats.ts'
import { workFile, type GateCount, type WorkCounts } from '../../src/kit/process/query-metrics.ts'
import { Scoreboard } from '../../src/kit/process/scoreboard.ts'
import { readStatus } from '../../src/kit/process/status.ts'
import { attempt } from '../../src/kit/types/attempt.ts'
import { fail, type Finding, ok, warn } from './finding.ts'

/** A part of a bound that is used: from here on it is told. */
const NEAR = 0.8
/** Postgres stops taking writes 3 million before two billion; autovacuum works against it from 200 million on. */
const MAX_XID_AGE = 2 ** 31
const OLD_XID = 1_000_000_000
const LONG_LAG_MS = 60_000
const LONG_OUTBOX = 1000
const LONG_LOOP_MS = 250

const part = (used: number, of: number) => `${used} of ${of} (${Math.round((used / of) * 100)} %)`

/** What is near, or else that all is far. */
const orFar = (near: Finding[], check: string, far: string) => (near.length > 0 ? near : [ok(check, far)])

export interface PostgresUse {
  connections: number
  max: number
  xidAge: number
  outbox: number
  sequences: { name: string; used: string; most: string }[]
}

export async function readPostgresUse(sql: postgres.Sql): Promise<PostgresUse> {
  const [use] = await sql<Omit<PostgresUse, 'sequences'>[]>`
    select (select count(*)::int from pg_stat_activity where backend_type = 'client backend') as connections,
      current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int as max,
      (select max(age(datfrozenxid))::int from pg_database where datallowconn) as "xidAge"`
  // Those of serial and int columns end with their type, and each of them its own way.
  const sequences = await sql<PostgresUse['sequences']>`
    select schemaname || '.' || sequencename as name, last_value::text as used, max_value::text as most
    from pg_sequences where increment_by > 0 and last_value > max_value * ${NEAR}::float8`
  const [waiting] = await sql<
    { n: number }[]
  >`select count(*)::int as n from (select from outbox limit 100000) o`.catch(
    () => [{ n: 0 }], // not migrated yet, or no right to: told elsewhere
  )
  if (use === undefined) throw new Error('it answered nothing')
  return { ...use, outbox: waiting?.n ?? 0, sequences }
}

export function judgePostgresUse({ connections, max, xidAge, outbox, sequences }: PostgresUse): Finding[] {
  const findings: Finding[] = []
  if (connections > max * NEAR) {
    const fix =
      'See who has them: select application_name, count(*) from pg_stat_activity group by 1. Lower DATABASE_POOL, or use a pooler'
    findings.push(warn('connections in use', `${part(connections, max)}, of all services and hosts`, fix))
  }
  if (xidAge > OLD_XID) {
    const found = `the oldest transaction id is ${part(xidAge, MAX_XID_AGE)} of what Postgres can tell apart: then it takes no writes`
    const fix =
      'End what keeps vacuum from it: transactions open for long, prepared ones, unused replication slots. Then VACUUM (FREEZE)'
    findings.push(fail('transaction ids', found, fix))
  }
  for (const { name, used, most } of sequences) {
    const fix =
      'Make its column bigint, and the sequence: ALTER SEQUENCE ... AS bigint. After its last value each insert fails'
    findings.push(warn('sequence', `${name} is at ${used} of ${most}`, fix))
  }
  if (outbox >= LONG_OUTBOX) {
    const found = `${outbox === 100_000 ? 'over ' : ''}${outbox} jobs wait for a worker to relay them`
    findings.push(warn('outbox', found, 'Look whether a worker runs and reaches Redis: npm run status'))
  }
  return orFar(
    findings,
    'Postgres bounds',
    'connections, transaction ids, sequences and outbox are far from theirs',
  )
}

export interface RedisUse {
  used: number
  /** 0: no bound. */
  max: number
  keepDead: number
  queues: Record<string, Pick<Stats, 'lagMs' | 'dead'>>
}

export function judgeRedisUse({ used, max, keepDead, queues }: RedisUse): Finding[] {
  const findings: Finding[] = []
  const mb = (bytes: number) => Math.round(bytes / 1024 ** 2)
  if (max > 0 && used > max * NEAR) {
    const fix = 'Raise maxmemory: at the bound Redis refuses writes, and so sessions and jobs'
    findings.push(warn('Redis memory', `${part(mb(used), mb(max))} MB of maxmemory`, fix))
  }
  for (const [queue, { lagMs = 0, dead }] of Object.entries(queues)) {
    if (lagMs > LONG_LAG_MS) {
      const found = `the first job of ${queue} has waited ${Math.round(lagMs / 1000)} s`
      findings.push(
        warn('queue lag', found, 'npm run jobs -- stats; more WORKER_PROCESSES or JOB_CONCURRENCY'),
      )
    }
    if (dead > keepDead * NEAR) {
      const found = `${part(dead, keepDead)} that are kept of ${queue} (JOB_KEEP_DEAD): the oldest are thrown away`
      findings.push(warn('dead jobs', found, 'npm run jobs -- list dead; then retry or drop them'))
    }
  }
  return orFar(findings, 'Redis bounds', 'memory, queue lag and dead jobs are far from theirs')
}

export interface ProcessUse {
  name: string
  lagMs: number
  openFiles?: { used: number; max: number }
  gates: GateCount[]
}

/** None where no supervisor runs on DATA_DIR. A process may have ended, be somebody else's, or count nothing. */
export function readProcessUse(dataDir: string): ProcessUse[] {
  return (readStatus(dataDir)?.processes ?? []).map(({ name, pid, board }) => ({
    name,
    lagMs: attempt(() => Scoreboard.read(board).lagMs) ?? 0,
    openFiles: attempt(() => ({
      used: readdirSync(`/proc/${pid}/fd`).length,
      max: Number(
        /^Max open files +(\d+)/m.exec(readFileSync(`/proc/${pid}/limits`, 'utf8'))?.[1] ?? Infinity,
      ),
    })),
    gates:
      attempt(() => (JSON.parse(readFileSync(workFile(`${board}.metrics`), 'utf8')) as WorkCounts).gates) ??
      [],
  }))
}

export function judgeProcessUse(processes: ProcessUse[]): Finding[] {
  if (processes.length === 0) return []
  const findings = processes.flatMap(({ name, lagMs, openFiles, gates }): Finding[] => [
    ...(lagMs > LONG_LOOP_MS
      ? [
          warn(
            'event loop',
            `${name} stood still for ${Math.round(lagMs)} ms within a second`,
            'npm run status names its requests; move what computes for long into a task',
          ),
        ]
      : []),
    ...(openFiles && openFiles.used > openFiles.max * NEAR
      ? [
          warn(
            'open files',
            `${name} has ${part(openFiles.used, openFiles.max)}`,
            'LimitNOFILE in its systemd unit, or ulimit -n; npm run reload',
          ),
        ]
      : []),
    ...gates
      .filter(({ waiting, places }) => waiting > places)
      .map(({ gate, waiting, places }) =>
        warn(
          'gate',
          `${waiting} wait for the ${places} places of ${gate} in ${name}`,
          'Look for slow queries in the log; or raise DATABASE_POOL or WEB_PROCESSES',
        ),
      ),
  ])
  const far = `${processes.length} run, with open files, event loop and gates far from their bounds`
  return orFar(findings, 'processes', far)
}
