// Loads a few hundred films into the sample's movies table: npm run seed
import { join } from 'node:path'
import { inArray, sql } from 'drizzle-orm'
import { loadConfig } from '../../src/config.ts'
import { openPostgres } from '../../src/kit/data/postgres.ts'
import { createLog } from '../../src/kit/log/log.ts'
import type { Db } from '../../src/kit/types/db.ts'
import { movies } from '../../src/movies/table.ts'
import { readArguments, runCommand } from '../command.ts'
import { migrate } from '../migrate.ts'
import { provideServices } from '../services.ts'

const USAGE = `Usage: npm run seed            adds the sample's films to the movies table, each at most once
       npm run seed -- --yes   the same in production`

/** One film a line: title, tab, director. */
const FILMS = join(import.meta.dir, 'movies.tsv')
const BATCH_SIZE = 25
const BAR_WIDTH = 40

/** The advisory lock that two seeds at once take turns by. */
const LOCK = 7_263_502

type Film = { title: string; director: string }

async function seed(): Promise<void> {
  const { yes } = readArguments({ yes: { type: 'boolean' } }).values
  if (process.env.NODE_ENV === 'production' && !yes) {
    throw new Error('This is production (NODE_ENV): to load sample films into its database, say --yes')
  }
  const { env, close } = await provideServices(process.env, { postgres: true, redis: false })
  try {
    if (!env.DATABASE_URL) throw new Error('DATABASE_URL is not set: production needs it')
    if (env.NODE_ENV !== 'production')
      await migrate(env.MIGRATE_DATABASE_URL || env.DATABASE_URL, { appUrl: env.DATABASE_URL })
    // It needs no Redis, and takes the settings of a service that does.
    const config = loadConfig({ ...env, REDIS_URL: env.REDIS_URL || 'redis://none', LOG_LEVEL: 'silent' })
    const { db, close: disconnect } = openPostgres(config, createLog(config.log, config.name))
    try {
      await load(db, await readFilms())
    } finally {
      await disconnect()
    }
  } finally {
    await close()
  }
}

async function readFilms(): Promise<Film[]> {
  const lines = (await Bun.file(FILMS).text()).split('\n').filter(Boolean)
  return lines.map((line, i) => {
    const [title, director] = line.split('\t')
    if (!title || !director) throw new Error(`${FILMS}, line ${i + 1}: not a title, a tab and a director`)
    return { title, director }
  })
}

async function load(db: Db, films: Film[]): Promise<void> {
  let added = 0
  for (let done = 0; done < films.length; done += BATCH_SIZE) {
    const batch = films.slice(done, done + BATCH_SIZE)
    added += await addMissing(db, batch)
    showProgress(done + batch.length, films.length)
  }
  const there = films.length - added
  console.log(`${added} films added${there > 0 ? `, ${there} were there already` : ''}`)
}

/** Answers how many of the films were new. */
function addMissing(db: Db, films: Film[]): Promise<number> {
  return db.transaction(async (tx) => {
    await tx.execute(sql`select pg_advisory_xact_lock(${LOCK})`)
    const titles = films.map((film) => film.title)
    const there = await tx
      .select({ title: movies.title, director: movies.director })
      .from(movies)
      .where(inArray(movies.title, titles))
    const isThere = (film: Film) => there.some((m) => m.title === film.title && m.director === film.director)
    const missing = films.filter((film) => !isThere(film))
    if (missing.length > 0) await tx.insert(movies).values(missing)
    return missing.length
  })
}

/** A bar that fills up on a terminal; elsewhere a line for every quarter. */
function showProgress(done: number, total: number): void {
  if (process.stdout.isTTY) {
    const filled = Math.round((done / total) * BAR_WIDTH)
    const bar = '█'.repeat(filled) + '░'.repeat(BAR_WIDTH - filled)
    process.stdout.write(`\r${bar} ${done}/${total}${done === total ? '\n' : ''}`)
    return
  }
  const quarter = (n: number) => Math.floor((n / total) * 4)
  if (quarter(done) > quarter(done - BATCH_SIZE)) console.log(`${done} of ${total} films`)
}

await runCommand(USAGE, seed)
