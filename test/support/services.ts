// Interim: databases and Redis for tests, from TEST_DATABASE_URL and TEST_REDIS_URL.
import { Redis } from 'ioredis'
import postgres from 'postgres'
import { drizzle } from 'drizzle-orm/postgres-js'
import { migrate } from 'drizzle-orm/postgres-js/migrator'

const admin = process.env.TEST_DATABASE_URL ?? ''
export const redisUrl = () => process.env.TEST_REDIS_URL ?? ''
export const uniquePrefix = () => `test-${crypto.randomUUID().slice(0, 8)}:`
export async function createDatabase() {
  const name = `test_${crypto.randomUUID().replaceAll('-', '')}`
  const sql = postgres(admin, { max: 1, onnotice: () => {} })
  await sql.unsafe(`create database ${name}`)
  const url = new URL(admin)
  url.pathname = `/${name}`
  const own = postgres(url.href, { max: 1, onnotice: () => {} })
  await migrate(drizzle({ client: own }), { migrationsFolder: './drizzle' })
  await own.end()
  await sql.end()
  return {
    url: url.href,
    async drop() {
      const s = postgres(admin, { max: 1 })
      await s.unsafe(`drop database ${name} with (force)`)
      await s.end()
    },
  }
}
export async function deletePrefix(prefix: string) {
  const redis = new Redis(redisUrl())
  const keys = await redis.keys(`${prefix}*`)
  if (keys.length) await redis.unlink(...keys)
  redis.disconnect()
}
