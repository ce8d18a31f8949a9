// What the console has at hand: the dependencies of a handler, every table, query and task.
import { basename, dirname, join } from 'node:path'
import { is, sql } from 'drizzle-orm'
import { PgTable } from 'drizzle-orm/pg-core'
import type { Redis } from 'ioredis'
import type { Deps } from '../../src/account/product.ts'
import { loadSchema } from '../../src/kit/data/tables.ts'
import { tasks } from '../../src/tasks.ts'

const SRC = join(import.meta.dir, '../../src')

/** By name, with a line on each for the person who types. */
export async function putAtHand({ deps, redis }: { deps: Deps; redis: Redis }) {
  const { config, db, store, sessions, passwords, enqueue, log } = deps
  const tables = await collectTables()
  const queries = await importEach('**/queries.ts')
  const byName = Object.fromEntries(tasks.map((task) => [task.name, task]))
  const values = {
    config,
    db,
    sql,
    tables,
    queries,
    redis,
    store,
    sessions,
    passwords,
    enqueue,
    log,
    tasks: byName,
  }
  const about = `db        await db.select().from(tables.${names(tables)[0] ?? 'users'}); sql\`...\` is Drizzle's
tables    ${names(tables).join(', ')}
queries   ${names(queries)
    .map((slice) => `${slice}: ${names(queries[slice] ?? {}).join(', ')}`)
    .join('\n          ')}
enqueue   await enqueue(tasks.${tasks[0]?.name}, { ... }); tasks: ${names(byName).join(', ')}
redis     await redis.info(); a key of this app begins with ${JSON.stringify(config.redisPrefix)}
also      config, store, sessions, passwords, log`
  return { values, about }
}

const names = (o: object) => Object.keys(o)

async function collectTables(): Promise<Record<string, PgTable>> {
  const entries = Object.entries(await loadSchema(SRC))
  return Object.fromEntries(entries.filter((entry): entry is [string, PgTable] => is(entry[1], PgTable)))
}

/** The modules of all slices, by the slice's name. */
async function importEach(pattern: string): Promise<Record<string, Record<string, unknown>>> {
  const files = [...new Bun.Glob(pattern).scanSync(SRC)].toSorted()
  const entries = files.map(async (file) => {
    const slice = basename(dirname(file)).replaceAll(/-(.)/g, (_, letter: string) => letter.toUpperCase())
    return [slice, (await import(join(SRC, file))) as Record<string, unknown>] as const
  })
  return Object.fromEntries(await Promise.all(entries))
}
