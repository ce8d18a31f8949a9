// Asks Postgres and Redis how the service is doing: limits and counts, never data.
import type postgres from 'postgres'
import type { KitConfig } from '../config/kit-config.ts'
import { openPrimaryConnection } from '../data/postgres/primary-connection.ts'
import { closeRedis, connectRedis } from '../data/redis.ts'
import { withTimeout } from '../data/with-timeout.ts'
import { createQueueAdmin } from '../jobs/queue-admin.ts'
import type { Log } from '../types/log.ts'

const TIMEOUT_MS = 2000

/** Connects at the first question. Each question is rejected while its service is away, within two seconds. */
export function openServiceStats(config: KitConfig, log: Log) {
  const primary = openPrimaryConnection(config)
  const redis = connectRedis(config.redisUrl, { log })
  const queueAdmin = createQueueAdmin({ redis, prefix: config.redisPrefix, keepDead: config.jobs.keepDead })

  const ask = <T>(question: (sql: postgres.Sql) => PromiseLike<T>) =>
    withTimeout(TIMEOUT_MS, 'Postgres', primary.get().then(question))

  return {
    /** Connections that Postgres has for ordinary users. */
    async connectionLimit(): Promise<number> {
      const [row] = await ask(
        (sql) => sql<{ connections: number }[]>`
          select current_setting('max_connections')::int
            - current_setting('superuser_reserved_connections')::int as connections`,
      )
      return row?.connections ?? 0
    },
    /** Connections of this service to its database, by their state; those of other machines too. */
    async connections(): Promise<Record<string, number>> {
      const rows = await ask(
        (sql) => sql<{ state: string; n: number }[]>`
          select coalesce(state, 'unknown') as state, count(*)::int as n from pg_stat_activity
          where datname = current_database() and application_name = ${config.name} and pid <> pg_backend_pid()
          group by 1`,
      )
      return { active: 0, idle: 0, ...Object.fromEntries(rows.map(({ state, n }) => [state, n])) }
    },
    queue: () => withTimeout(TIMEOUT_MS, 'Redis', queueAdmin.stats()),
    /** What has ended of each task, ever. */
    tasks: () => withTimeout(TIMEOUT_MS, 'Redis', queueAdmin.taskStats('ever')),
    async close(): Promise<void> {
      await closeRedis(redis)
      await primary.close()
    },
  }
}

export type ServiceStats = ReturnType<typeof openServiceStats>
