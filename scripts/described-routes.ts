// Describes the routes of the app without any service: an app that is only described needs nothing but its settings.
import type { Deps } from '../src/account/product.ts'
import { createApp } from '../src/app.ts'
import { loadConfig, settings } from '../src/config.ts'
import { describeRoutes } from '../src/kit/http/doc.ts'

/** @param env the settings; where the services are is all the same */
export function describedRoutes(env: Record<string, string | undefined>) {
  const services = { DATABASE_URL: 'postgres://none', MIGRATE_DATABASE_URL: '', REDIS_URL: 'redis://none' }
  return describeRoutes(
    createApp({
      config: loadConfig({ APP_URL: 'http://localhost', ...settings.readFiles(env), ...services }),
    } as Deps),
  )
}
