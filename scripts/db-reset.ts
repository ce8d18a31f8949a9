// Makes the development database anew, with nothing in it but what migrations and seeds put there: npm run db:reset
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { settings } from '../src/config.ts'
import { readArguments, runCommand } from './command.ts'
import { withConnection } from './connection.ts'
import { migrate } from './migrate.ts'
import { provideServices } from './services.ts'
import { show } from './tool.ts'

const USAGE = `Usage: npm run db:reset             drops the embedded database of this checkout, makes it anew and migrates it
       npm run db:reset -- --seed   and then adds what npm run seed adds
It empties the embedded Redis, too: sessions and jobs are of rows that are gone. An npm start that runs goes on.`

await runCommand(USAGE, async () => {
  const { seed } = readArguments({ seed: { type: 'boolean' } }).values
  refuseOthers(settings.readFiles(process.env))
  const { provided, close } = await provideServices(process.env)
  try {
    const { DATABASE_URL: url = '', REDIS_URL: redisUrl } = provided
    const name = await recreate(url)
    console.log(`the database "${name}" is empty`)
    if (redisUrl === undefined) console.log('REDIS_URL names a Redis of your own: its sessions and jobs stay')
    else {
      await empty(redisUrl)
      console.log('sessions and jobs are deleted')
    }
    await migrate(url, { log: console.log })
    if (seed && !(await show(join(import.meta.dir, '..'), process.execPath, 'scripts/seed.ts')))
      throw new Error('The database is there, and not all of the seeds are: npm run seed goes on')
  } finally {
    await close()
  }
})

/** @throws Error if it is not the database that comes with a checkout and holds nothing but trials */
function refuseOthers(env: Record<string, string | undefined>): void {
  if (env.NODE_ENV === 'production')
    throw new Error('This is production (NODE_ENV): db:reset is for the database of a development checkout')
  const named = ['DATABASE_URL', 'MIGRATE_DATABASE_URL'].find((variable) => env[variable])
  if (named === undefined) return
  throw new Error(
    `${named} is set: db:reset deletes no database but the embedded one of this checkout. For that one unset it ` +
      `(${named}= npm run db:reset); the named one is yours to drop and to create, and then: npm run migrate`,
  )
}

/** Cuts whoever is connected: servers connect again. @returns the name of the database */
async function recreate(url: string): Promise<string> {
  const name = new URL(url).pathname.slice(1)
  await withConnection(new URL('/postgres', url).href, async (sql) => {
    await sql`drop database if exists ${sql(name)} with (force)`
    await sql`create database ${sql(name)}`
  })
  return name
}

async function empty(url: string): Promise<void> {
  const redis = new Redis(url)
  try {
    await redis.flushall()
  } finally {
    redis.disconnect()
  }
}
