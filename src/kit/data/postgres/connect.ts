// Opens connections with the settings of this service, so that while Postgres is away no query hangs and no process dies.
import postgres from 'postgres'
import type { KitConfig } from '../../config/kit-config.ts'
import { TRACKED_SETTINGS } from './connection-settings.ts'

const CONNECT_TIMEOUT_S = 5
/**
 * While Postgres is away, each attempt to connect fails one waiting query: a short pause between attempts makes them all
 * fail at once. The pause of postgres.js itself grows, and queries would hang.
 */
const RECONNECT_PAUSE_S = 0.005

export type Lifetime = { max_lifetime?: null }
/** The driver would replace an old connection inside a transaction; `ExclusivePool` does it between two uses. */
export const FOR_EVER: Lifetime = { max_lifetime: null }

/** Opens connections with the settings of this service; nothing connects before the first statement. */
export function connect(
  config: KitConfig,
  max: number,
  { connection = {}, ...options }: Pick<postgres.Options<{}>, 'connection' | 'onclose'> & Lifetime = {},
): postgres.Sql {
  return postgres(config.databaseUrl, {
    ...options,
    max,
    connect_timeout: CONNECT_TIMEOUT_S,
    backoff: () => RECONNECT_PAUSE_S,
    onnotice: () => {},
    // If a backend is killed while the driver fetches array types, the process dies. `arrays.ts` has them instead.
    fetch_types: false,
    connection: { ...TRACKED_SETTINGS, application_name: config.name, ...connection },
  })
}
