// What the benchmarks of growth and isolation stand on: services of their own, filled databases, and servers on them.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import postgres from 'postgres'
import { createPasswords } from '../../../../src/kit/auth/passwords.ts'
import { Gate } from '../../../../src/kit/data/gate.ts'
import { startServices } from '../../../services.ts'
import { launch, type Running } from '../http/contestants.ts'
import { EMAIL, PASSWORD } from '../http/work.ts'

const ROOT = resolve(import.meta.dir, '../../../..')

/** A checkout of this project that is measured. */
export interface Checkout {
  name: string
  root: string
}

/** This one, and before it the one that `--against` names. */
export const checkouts = (against: string | undefined): Checkout[] => [
  ...(against === undefined ? [] : [{ name: 'before', root: resolve(against) }]),
  { name: 'now', root: ROOT },
]

export interface Stage {
  /** Deleted in the end. */
  folder: string
  redisUrl: string
  /** A database that the checkout has migrated, with so many movies and accounts. */
  database(checkout: Checkout, rows: number): Promise<string>
  server(checkout: Checkout, databaseUrl: string, processes?: number, core?: number): Promise<Running>
}

/** Rows of which only this one has the word. */
export const RARE = 'zyxwvq'
/** An account that added twenty movies, at every size. */
export const CREATOR = '00000000-0000-4000-8000-000000000001'

/** For logins by the hundred: an account has so many sessions at the most, and the first go. */
export const OTHER_EMAIL = 'logs-in@example.com'

/** Starts the services, and ends all that was started after `work`, or when a signal comes. */
export async function onStage(work: (stage: Stage) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'restbun-bench-'))
  const running: Running[] = []
  const services = await startServices({
    dataDir: join(folder, 'data'),
    postgres: true,
    redis: 'any',
    scratch: true,
  })
  let closed: Promise<void> | undefined
  const close = () =>
    (closed ??= (async () => {
      await Promise.all(running.map((each) => each.stop()))
      await services.close()
      rmSync(folder, { recursive: true, force: true })
    })())
  process.once('SIGINT', () => void close().finally(() => process.exit(130)))
  process.once('SIGTERM', () => void close().finally(() => process.exit(143)))
  const { databaseUrl = '', redisUrl = '' } = services
  let servers = 0
  try {
    await stopAutovacuum(databaseUrl)
    await work({
      redisUrl,
      folder,
      async database(checkout, rows) {
        const url = new URL(databaseUrl)
        url.pathname = `/${checkout.name}_${rows}`
        const admin = postgres(databaseUrl, { max: 1 })
        await admin.unsafe(`create database ${checkout.name}_${rows} template template0 encoding 'UTF8'`)
        await admin.end()
        const migrating = spawn(process.execPath, ['--no-env-file', 'scripts/migrate.ts'], {
          cwd: checkout.root,
          env: {
            ...process.env,
            DATABASE_URL: url.href,
            NODE_ENV: 'production',
            APP_URL: 'http://127.0.0.1',
          },
          stdio: ['ignore', 'ignore', 'inherit'],
        })
        const [code] = (await once(migrating, 'close')) as [number]
        if (code !== 0) throw new Error(`${checkout.name}: its migrations failed`)
        await fill(url.href, rows)
        return url.href
      },
      async server(checkout, url, processes = 1, core?) {
        const own = `${checkout.name}-${++servers}`
        const env = {
          DATABASE_URL: url,
          REDIS_URL: redisUrl,
          REDIS_PREFIX: `${own}:`,
          LOG_FILE: join(folder, `${own}.log`),
          LOG_FORMAT: 'json',
          DATA_DIR: join(folder, own),
          RATE_LIMIT: 'off',
          COOKIE_SECURE: 'off',
        }
        const contestant = { name: own, entry: 'src', runtime: 'bun' as const, root: checkout.root }
        const server = await launch(contestant, processes, { env, nodeFolder: folder, core })
        running.push(server)
        return {
          ...server,
          async stop() {
            running.splice(running.indexOf(server), 1)
            await server.stop()
          },
        }
      },
    })
  } finally {
    await close()
  }
}

/** It would count for whatever is measured just then; each table is vacuumed once, when it has its rows. */
async function stopAutovacuum(url: string): Promise<void> {
  const sql = postgres(url, { max: 1 })
  await sql`alter system set autovacuum = off`
  await sql`select pg_reload_conf()`
  await sql.end()
}

/** The same rows everywhere; an account of each kind of name, and one that may see all accounts. */
async function fill(url: string, rows: number): Promise<void> {
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  const hash = await createPasswords(new Gate({ places: 1, queue: 0 })).hash(PASSWORD)
  await sql`insert into users (id, email, password, first_name, last_name, role, created)
    values (${CREATOR}, ${EMAIL}, ${hash}, 'Ben', 'Chmark', 'superuser', '2020-01-01'),
      (gen_random_uuid(), ${OTHER_EMAIL}, ${hash}, 'Al', 'Sogin', 'editor', '2020-01-01')`
  await sql`insert into users (email, password, first_name, last_name, created)
    select 'person' || n || '@example.com', 'none', 'First' || n % 977,
      case when n = ${rows} / 2 then ${RARE} else 'Last' || n % 1009 end, now() - n * interval '1 second'
    from generate_series(1, ${rows}) n`
  await sql`insert into movies (title, director, creator)
    select 'Movie number ' || n || case when n = ${rows} / 2 then ${` ${RARE}`} else '' end, 'Director ' || n % 50,
      case when n % (${rows} / 20) = 0 then ${CREATOR}::uuid end
    from generate_series(1, ${rows}) n`
  await sql`vacuum analyze`
  await sql.end()
}

/** The cookie of a session, by default a superuser's. */
export async function logIn({ url }: Running, email = EMAIL): Promise<string> {
  const reply = await fetch(`${url}/api/login`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ email, password: PASSWORD }),
  })
  const cookie = reply.headers.getSetCookie()[0]?.split(';')[0]
  if (cookie === undefined) throw new Error(`login answered ${reply.status}: ${await reply.text()}`)
  return cookie
}
