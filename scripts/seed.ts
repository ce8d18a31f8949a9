// Fills the database with what scripts/own/seeds.ts declares: npm run seed
import { loadConfig } from '../src/config.ts'
import { openPostgres } from '../src/kit/data/postgres.ts'
import { createLog } from '../src/kit/log/log.ts'
import type { Db } from '../src/kit/types/db.ts'
import { oneOf, readArguments, runCommand } from './command.ts'
import { migrate } from './migrate.ts'
import { seeds } from './own/seeds.ts'
import type { Seed } from './seed/define.ts'
import { provideServices } from './services.ts'

const NAMES = seeds.map(({ name }) => name)

const USAGE = `Usage: npm run seed                      adds what scripts/own/seeds.ts declares, each row at most once
       npm run seed -- <name> ...        these alone, of: ${NAMES.join(', ')}
       --yes                             also in production`

const BAR_WIDTH = 40

await runCommand(USAGE, async () => {
  const { values, positionals } = readArguments({ yes: { type: 'boolean' } }, Infinity)
  const named = positionals.map((name) => oneOf(name, NAMES, 'seed'))
  const chosen = seeds.filter(({ name }) => named.length === 0 || named.includes(name))
  if (chosen.length === 0)
    return console.log('There is nothing to add: scripts/own/seeds.ts declares what there is')
  const names = chosen.map(({ name }) => name).join(', ')
  if (process.env.NODE_ENV === 'production' && !values.yes) {
    throw new Error(`This is production (NODE_ENV): to add ${names} to its database, say --yes`)
  }
  await withDatabase(async (db) => {
    for (const seed of chosen) await load(db, seed)
  })
})

/** Opens the database alone, migrated in development, and closes all that it opened. */
async function withDatabase(work: (db: Db) => Promise<void>): Promise<void> {
  const { env, close } = await provideServices(process.env, { postgres: true, redis: false })
  try {
    if (!env.DATABASE_URL) throw new Error('DATABASE_URL is not set: production needs it')
    if (env.NODE_ENV !== 'production')
      await migrate(env.MIGRATE_DATABASE_URL || env.DATABASE_URL, { appUrl: env.DATABASE_URL })
    // It needs no Redis, and takes the settings of a service that does.
    const config = loadConfig({ ...env, REDIS_URL: env.REDIS_URL || 'redis://none', LOG_LEVEL: 'silent' })
    const { db, close: disconnect } = openPostgres(config, createLog(config.log, config.name))
    try {
      await work(db)
    } finally {
      await disconnect()
    }
  } finally {
    await close()
  }
}

async function load(db: Db, { name, load: add }: Seed): Promise<void> {
  let shown = 0
  const { added, total } = await add(db, (done, of) => {
    showProgress(name, { before: shown, done, of })
    shown = done
  })
  const there = total - added
  console.log(
    `${added} ${name} added${there > 0 ? `, ${there} ${there === 1 ? 'was' : 'were'} there already` : ''}`,
  )
}

/** A bar that fills up on a terminal; elsewhere a line for every quarter. */
function showProgress(
  name: string,
  { before, done, of }: { before: number; done: number; of: number },
): void {
  if (process.stdout.isTTY) {
    const filled = Math.round((done / of) * BAR_WIDTH)
    const bar = '█'.repeat(filled) + '░'.repeat(BAR_WIDTH - filled)
    process.stdout.write(`\r${bar} ${done}/${of} ${name}${done === of ? '\n' : ''}`)
    return
  }
  const quarter = (n: number) => Math.floor((n / of) * 4)
  if (quarter(done) > quarter(before)) console.log(`${done} of ${of} ${name}`)
}
