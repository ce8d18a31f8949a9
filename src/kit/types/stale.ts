// Declares the handles for reads that may be a moment old.
import type { Db } from './db.ts'

export interface Stale {
  /**
   * Returns a handle that only reads, from a replica if one is good: what it reads is at most `STALE_MAX_LAG_MS` old. Take it
   * for one request or job and do not keep it. In a route `staleDb(c)` calls this.
   * @param accountId whose own writes must be seen: those of its requests, and what `wrote` was called for. Null: nobody's
   */
  for(accountId: string | null): Promise<Db>
  /** Call it in a task that has written for an account which looks for it at once; requests that write say so by themselves. Never throws. */
  wrote(accountId: string): Promise<void>
}
