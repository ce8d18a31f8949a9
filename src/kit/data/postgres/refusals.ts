// What Postgres, or a pooler before it, refuses for a reason that a new attempt on a new connection takes away.
import { driverCode } from '../transient.ts'

/** True if the schema has changed since the statement was prepared on this connection. */
export const isStalePlan = (error: unknown) =>
  error instanceof Error &&
  'code' in error &&
  (error.code === '26000' ||
    (error.code === '0A000' && 'routine' in error && error.routine === 'RevalidateCachedQuery'))

/** A pooler refused the connection for a startup parameter that it does not know. */
export const isStartupRefusal = (error: unknown) =>
  driverCode(error) === '08P01' && String(error).includes('startup parameter')
