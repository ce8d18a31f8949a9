// Declares the kit's settings: for each its key in the config, its variable, its kind and default, and what it is for.
import { z } from 'zod'
import { MAX_CONCURRENCY, QUEUE_DEFAULTS } from '../types/queue-defaults.ts'
import { databaseSettings } from './database-settings.ts'
import { setting } from './setting.ts'
import { baseUrl, redisUrl, url } from './urls.ts'
import {
  bytes,
  choice,
  flag,
  flagOr,
  integer,
  isHeaderName,
  isNetwork,
  isOrigin,
  list,
  queueShares,
  secretKeys,
} from './values.ts'

const SECONDS = 1000
const DAY_S = 24 * 60 * 60

/** A variable that is unset or empty takes its default. Defaults that depend on the mode are set in `kitConfig`. */
export const kitSettings = (project: string) => ({
  mode: setting('NODE_ENV', choice('development', 'production').default('development'), {
    about: '`production` needs `DATABASE_URL` and `REDIS_URL`, and has no development endpoints',
    example: 'production',
    isPrintable: true,
  }),
  host: setting('HOST', z.string().optional(), {
    about: 'The address that it listens on; `localhost` is both loopbacks',
    unset: '`localhost`, production `0.0.0.0`',
    example: 'localhost',
    isPrintable: true,
  }),
  port: setting('PORT', integer(0, 65535).default(8100), { about: 'The port that the service listens on' }),
  appUrl: setting('APP_URL', baseUrl().optional(), {
    about:
      'Where people reach the service, for the links in mails: `https://api.example.com`; with `AUTH_PAGES=off` where they reach the front-end',
    unset: '`http://localhost:PORT`; production needs it',
    example: 'https://api.example.com',
    isPrintable: true,
  }),
  ...databaseSettings(project),
  redisUrl: setting('REDIS_URL', redisUrl().optional(), {
    about:
      '`redis://` or `rediss://`, and a database behind a `/`: `redis://host:6379/2`. `redis+sentinel://host:26379,host2:26379/mymaster` asks Sentinels (`?sentinel=user:password` is theirs), `redis+cluster://host:7000,host2:7000` is a Cluster; `rediss+` is TLS',
    unset: 'embedded Redis in development',
    example: 'redis://127.0.0.1:6379',
    isUrl: true,
  }),
  redisPrefix: setting('REDIS_PREFIX', z.string().max(100).default(`${project}:`), {
    about: 'Begins every key, so that several services can share one Redis',
    isPrintable: true,
  }),
  dataDir: setting('DATA_DIR', z.string().default('.data'), {
    about:
      'Where the embedded services keep their data. As root, Postgres runs as `nobody`; where that account cannot reach the folder its files lie in `/var/lib`, linked from here',
    isPrintable: true,
  }),
  'cookie.secure': setting('COOKIE_SECURE', flag().optional(), {
    about: 'Send the session cookie over HTTPS only',
    unset: '`off`, production `on`',
    example: 'off',
  }),
  'cookie.domain': setting(
    'COOKIE_DOMAIN',
    z
      .string()
      .regex(/^\.?[a-z0-9-]+(\.[a-z0-9-]+)*$/i, 'must be a domain name: example.com')
      .optional(),
    { about: 'Share the cookie with subdomains', isPrintable: true },
  ),
  'cookie.sameSite': setting('COOKIE_SAMESITE', choice('lax', 'strict', 'none').default('lax'), {
    about: '`lax`, `strict`, or `none` (needs `COOKIE_SECURE=on`)',
    isPrintable: true,
  }),
  sessionSeconds: setting('SESSION_DAYS', integer(1, 400).default(30), {
    about: 'A session ends after so many days without a request',
  }),
  sessionMaxSeconds: setting('SESSION_MAX_DAYS', integer(1, 3650).default(180), {
    about: 'It ends so many days after its login, however active it is',
  }),
  freshSameClient: setting('FRESH_SAME_CLIENT', flag().default(false), {
    about:
      'A fresh login counts only from the address and agent that gave the password; phones change their address',
  }),
  sessionsPerAccount: setting('SESSIONS_PER_ACCOUNT', integer(1, 10_000).default(50), {
    about: 'Live sessions of an account; past them the one goes whose cookie was sent longest ago',
  }),
  corsOrigins: setting(
    'CORS_ORIGINS',
    list(isOrigin, 'origins (https://app.example.com), or *').default(['*']),
    {
      about: 'Origins, comma-separated. Listed ones may send cookies; `*` admits all others without',
      isPrintable: true,
    },
  ),
  corsHeaders: setting('CORS_HEADERS', list(isHeaderName, 'names of headers (X-Api-Version)').default([]), {
    about: 'More request headers that pages of other origins may send',
    isPrintable: true,
  }),
  'tls.certFile': setting('TLS_CERT_FILE', z.string().optional(), {
    about:
      'Serve HTTPS with this certificate (PEM, with its chain); a reload takes up a renewed one. A proxy in front is the better place for TLS',
    isPrintable: true,
  }),
  'tls.keyFile': setting('TLS_KEY_FILE', z.string().optional(), {
    about: 'Its private key',
    isPrintable: true,
  }),
  trustedProxies: setting(
    'TRUSTED_PROXIES',
    list(isNetwork, 'IP addresses or CIDR ranges (10.0.0.0/8)').default([]),
    {
      about:
        'Addresses or CIDR ranges whose word for the client counts, and whose `X-Forwarded-Host` and `X-Forwarded-Proto`',
      example: '127.0.0.1, 10.0.0.0/8',
      isPrintable: true,
    },
  ),
  trustedProxyHeader: setting(
    'TRUSTED_PROXY_HEADER',
    z
      .string()
      .refine(isHeaderName, 'must be the name of a header: X-Forwarded-For, Forwarded, X-Real-IP')
      .default('X-Forwarded-For'),
    {
      about:
        "The header in which they write the client's address, read from the right: `X-Forwarded-For`, `Forwarded`, `X-Real-IP`, ...",
      isPrintable: true,
    },
  ),
  bodyLimit: setting('BODY_LIMIT', bytes().default(1024 ** 2), { about: 'Larger bodies get 413' }),
  bodiesMaxBytes: setting('BODIES_MAX_BYTES', bytes().default(64 * 1024 ** 2), {
    about: 'Of large bodies of requests that a process works on; past it a further large one is 503',
  }),
  answersMaxBytes: setting('ANSWERS_MAX_BYTES', bytes().default(64 * 1024 ** 2), {
    about:
      'Of large answers that wait in a process for clients that read slowly; past it a further large one is 503',
  }),
  requestTimeoutMs: setting('REQUEST_TIMEOUT_MS', integer(1, 250_000).default(20 * SECONDS), {
    about: 'Longer requests get 503; Postgres cancels their statements. At most 250000',
  }),
  lockTimeoutMs: setting('LOCK_TIMEOUT_MS', integer(1, 250_000).default(2 * SECONDS), {
    about: 'A statement waits for a lock no longer; a read by key 250 ms at the most',
  }),
  searchTimeoutMs: setting('SEARCH_TIMEOUT_MS', integer(1, 250_000).default(1500), {
    about: 'Postgres cancels a search that takes longer: 503',
  }),
  redisTimeoutMs: setting('REDIS_TIMEOUT_MS', integer(100, 250_000).default(2 * SECONDS), {
    about: 'Redis counts as away when it answers a command no sooner: 503',
  }),
  idleTimeoutS: setting('IDLE_TIMEOUT_S', integer(1, 255).default(75), {
    about:
      'A connection that is silent for so long is closed; longer than the proxies in front keep theirs. At most 255',
  }),
  slowRequestMs: setting('SLOW_REQUEST_MS', integer(0, 250_000).default(1 * SECONDS), {
    about: 'Longer requests are logged with `SLOW!`',
  }),
  'processes.web': setting('WEB_PROCESSES', integer(0, 1000).optional(), {
    about: 'API processes of `npm start`, on one port. More than one: on Linux only',
    unset: 'cores, in development `1`',
    example: '4',
  }),
  'processes.workers': setting('WORKER_PROCESSES', integer(0, 1000).default(1), {
    about: 'Processes that run background tasks and crons',
  }),
  'processes.harakiriMs': setting('HARAKIRI_MS', integer(1000, 3_600_000).default(5 * SECONDS), {
    about:
      'An API process or program whose event loop stands still for so long is killed and replaced; a worker is after twice `JOB_BLOCK_MS`. Its start has `BOOT_TIMEOUT_MS`',
  }),
  'processes.maxRequests': setting('MAX_REQUESTS', integer(0, 2 ** 31 - 1).default(0), {
    about: 'A process is replaced after so many requests; 0: never',
  }),
  'processes.maxLifetimeS': setting('MAX_LIFETIME_S', integer(0, 2 ** 31 - 1).default(0), {
    about: 'A process is replaced after so many seconds; 0: never',
  }),
  'processes.maxRssMb': setting('MAX_RSS_MB', integer(0, 2 ** 20).optional(), {
    about: 'A process is replaced when it holds so much memory; 0: never',
    unset: '`0`, production `512`',
    example: '512',
  }),
  'processes.bootTimeoutMs': setting('BOOT_TIMEOUT_MS', integer(100, 600_000).default(30 * SECONDS), {
    about: 'A new process that is not ready by then is given up',
  }),
  'processes.drainMs': setting('DRAIN_MS', integer(0, 600_000).default(25 * SECONDS), {
    about: 'What a process that is told to end gets for the requests it has accepted, a program for its work',
  }),
  metricsPort: setting('METRICS_PORT', integer(1, 65535).optional(), {
    about: '`GET /metrics` for Prometheus, on loopback',
    example: '9100',
  }),
  'log.level': setting('LOG_LEVEL', choice('debug', 'info', 'warn', 'error', 'silent').default('info'), {
    about: '`debug`, `info`, `warn`, `error`, `silent`',
    isPrintable: true,
  }),
  'log.format': setting('LOG_FORMAT', choice('pretty', 'json').optional(), {
    about: 'How a line is written',
    unset: '`pretty`, production `json`',
    example: 'pretty',
    isPrintable: true,
  }),
  'log.file': setting('LOG_FILE', z.string().optional(), {
    about: 'Also there; SIGUSR2 to `npm start` (or to one process) opens it again after a rotation',
    isPrintable: true,
  }),
  'log.syslog': setting('LOG_SYSLOG', url('udp:').optional(), {
    about: 'Also there: `udp://host:514`, RFC 5424',
    example: 'udp://127.0.0.1:514',
    isUrl: true,
  }),
  'log.sql': setting('LOG_SQL', flagOr('explain').default(false), {
    about:
      'Log each statement with its time. `explain`, in development: also the plan of each one, once; it is not run again',
    example: 'explain',
  }),
  'log.slowQueryMs': setting('LOG_SLOW_QUERY_MS', integer(0, 250_000).default(500), {
    about: 'Queries that wait and run for longer are logged by name, at most 20 in a minute; 0: none',
  }),
  'log.redact': setting('LOG_REDACT', list(() => true, 'names').default([]), {
    about: 'More names of input fields whose values are secret',
    isPrintable: true,
  }),
  'mail.smtpUrl': setting('SMTP_URL', url('smtp:', 'smtps:').optional(), {
    about: '`smtp://` or `smtps://`; without it development keeps mails at `/apitest/mails`',
    example: 'smtp://user:password@mail.example.com:587',
    isUrl: true,
  }),
  'mail.from': setting('MAIL_FROM', z.string().max(200).default(`${project} <noreply@localhost>`), {
    about: 'Sender of mails',
    isPrintable: true,
  }),
  'jobs.concurrency': setting(
    'JOB_CONCURRENCY',
    integer(1, MAX_CONCURRENCY).default(QUEUE_DEFAULTS.concurrency),
    { about: 'Jobs at a time, per worker' },
  ),
  'jobs.queues': setting('WORKER_QUEUES', queueShares().optional(), {
    about:
      'The queues that workers serve: `name:weight:reserved`, comma-separated. Slots (`JOB_CONCURRENCY`) that are not reserved go by weight to the queues that have jobs; a weight is 1 if none is given, and one slot is reserved where there are more than queues',
    unset: 'the queue of every task, and `default`',
    example: 'default:4,mail:2:1',
    isPrintable: true,
  }),
  'jobs.drainMs': setting('JOB_DRAIN_MS', integer(0, 600_000).default(QUEUE_DEFAULTS.drainMs), {
    about: 'What a stopping worker gives its jobs to end; the rest goes back into the queue',
  }),
  'jobs.blockMs': setting(
    'JOB_BLOCK_MS',
    integer(1000, QUEUE_DEFAULTS.leaseMs - SECONDS).default(QUEUE_DEFAULTS.blockMs),
    { about: 'A worker whose event loop stands still for so long is killed; at most 14000' },
  ),
  'jobs.maxBytes': setting('JOB_MAX_BYTES', bytes().default(QUEUE_DEFAULTS.maxBytes), {
    about: 'A larger input of a task is refused',
  }),
  'jobs.keepDead': setting('JOB_KEEP_DEAD', integer(1, 10_000_000).default(QUEUE_DEFAULTS.keepDead), {
    about:
      'Dead jobs that are kept, each with its input, in Redis; older ones are thrown away, counted and logged',
  }),
  'jobs.maxJobs': setting('MAX_JOBS', integer(0, 2 ** 31 - 1).default(0), {
    about: 'A worker ends after so many jobs; 0: never',
  }),
  'rateLimit.on': setting('RATE_LIMIT', flag().optional(), {
    about: 'Limit failed logins and signups; the counts are in Redis',
    unset: '`off`, production `on`',
    example: 'on',
  }),
  'rateLimit.seconds': setting('RATE_LIMIT_SECONDS', integer(1, DAY_S).default(15 * 60), {
    about: 'The time in which they count, from the first on',
  }),
  'rateLimit.account': setting('RATE_LIMIT_ACCOUNT', integer(1, 1_000_000).default(10), {
    about:
      'Failed logins to one account from one address (IPv6: from one /64 network); a success begins anew',
  }),
  'rateLimit.address': setting('RATE_LIMIT_ADDRESS', integer(1, 1_000_000).default(100), {
    about:
      'Failed logins to all accounts, and signups, from one address. Behind a proxy set `TRUSTED_PROXIES`, else all clients share one',
  }),
  tokenRateLimit: setting('RATE_LIMIT_TOKEN', integer(1, 1_000_000).default(1000), {
    about: 'Requests by one personal access token in a minute',
  }),
  passwordRule: setting('PASSWORD_RULE', choice('seed', 'strong').optional(), {
    about:
      'What a new password must be. `strong`: 8 to 128 characters, none of the hundred thousand most common, not made of names, email and service. `seed`: 6 or more, with a lowercase letter, an uppercase letter and a digit. Older passwords stay valid',
    unset: '`seed`, production `strong`',
    example: 'strong',
    isPrintable: true,
  }),
  secretKeys: setting('SECRET_KEYS', secretKeys().optional(), {
    about:
      'Keys of what is stored encrypted, comma-separated: the first encrypts, all decrypt. `npm run secrets -- key` makes one. Production needs it where a feature says so',
    unset: 'in development one that is made in `DATA_DIR`',
  }),
  auditDays: setting('AUDIT_DAYS', integer(7, 3650).default(365), {
    about: 'Days that the audit trail is kept: who did what with which account, and from where',
  }),
  apiList: setting('API_LIST', flag().default(true), {
    about: 'What describes the API: `/api/list`, `/api/openapi.json`, `/llms.txt`',
  }),
  apiDocs: setting('API_DOCS', flag().optional(), {
    about: 'Whether one can try calls on the page at `/api/list`',
    unset: '`on`, production `off`',
    example: 'on',
  }),
  devTruncate: setting('DEV_TRUNCATE', flag().default(false), {
    about: 'Lets `/apitest/dbtruncate` empty a database that is not on this machine',
  }),
})
