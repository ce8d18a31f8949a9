// Declares the settings of Postgres: where the primary is, its replicas, and how many connections there are.
import { setting } from './setting.ts'
import { databaseUrl } from './urls.ts'
import { integer } from './values.ts'

export const databaseSettings = (project: string) => ({
  databaseUrl: setting('DATABASE_URL', databaseUrl().optional(), {
    about:
      '`postgres://user:password@host/database`, or several hosts, of which the primary is found: `...@one:5432,two:5432/database`. Parameters: `sslmode` (`verify-full` checks the certificate), `search_path`, `options`, `application_name`, `prepare`, `database`',
    unset: 'embedded Postgres in development',
    example: `postgres://user:password@127.0.0.1:5432/${project}`,
    isUrl: true,
  }),
  migrateDatabaseUrl: setting('MIGRATE_DATABASE_URL', databaseUrl().optional(), {
    about: 'For migrations by another role, or past a pooler',
    unset: '`DATABASE_URL`',
    isUrl: true,
  }),
  databaseReplicaUrl: setting('DATABASE_REPLICA_URL', databaseUrl().optional(), {
    about:
      'Streaming replicas for reads that may be a moment old, one host or several: `postgres://user:password@three,four/database`. It may name all hosts of `DATABASE_URL`: the primary is left out',
    unset: 'the primary answers them',
    isUrl: true,
  }),
  staleMaxLagMs: setting('STALE_MAX_LAG_MS', integer(2000, 600_000).default(5000), {
    about:
      'What replicas answer is at most so old: one that lags further is left out. An account that has written reads from the primary for so long',
  }),
  databasePool: setting('DATABASE_POOL', integer(1, 1000).optional(), {
    about:
      'Places of a process for writes, transactions, filters and searches; four more connections serve accounts, reads by key and readiness',
    unset: '4 to 8, by the number of processes',
    example: '8',
  }),
})
