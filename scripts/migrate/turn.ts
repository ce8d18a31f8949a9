// One migrator at a time: the others ask again and again, and hold nothing while they wait.
import type postgres from 'postgres'
import { describeSessions, findHolders } from './blockers.ts'
import type { Patience } from './patience.ts'
import { liftLimits } from './session.ts'

/** The advisory lock that all migrators take turns by: any number that every version of the program agrees on. */
const LOCK = 7_263_501

/**
 * Runs `work` while no other migrator of this database runs. The lock belongs to a transaction, on a connection of its
 * own, so that it holds behind a pooler too. It has no snapshot while nothing is asked of it, and so keeps no index from
 * being built; a migrator that waited inside Postgres would: so it polls.
 * @param work gets that transaction, to see that it still lives
 * @throws Error that names who migrates, if that takes too long
 */
export async function inTurn<T>(
  connection: postgres.Sql,
  { pollMs, turnMs }: Patience,
  log: (line: string) => void,
  work: (turn: postgres.TransactionSql) => Promise<T>,
): Promise<T> {
  const end = performance.now() + turnMs
  for (let attempt = 1; ; attempt++) {
    const outcome = await connection.begin('isolation level read committed', async (turn) => {
      await liftLimits(turn)
      // By the simple protocol, as all that comes after: what a prepared statement has read keeps its snapshot.
      const [row] = await turn.unsafe<{ taken: boolean }[]>(
        `select pg_try_advisory_xact_lock(${LOCK}) as taken`,
      )
      if (row?.taken) return { result: await work(turn) }
      const others = await describeSessions(turn, await findHolders(turn, LOCK))
      return { others: others.join('; ') }
    })
    if ('result' in outcome) return outcome.result as T
    if (performance.now() > end) {
      throw new Error(
        `Another migration of this database does not end: ${outcome.others}. Nothing was applied by this one`,
      )
    }
    if (attempt === PATIENT_ATTEMPTS) log(`waiting for another migration: ${outcome.others}`)
    await Bun.sleep(pollMs * (0.5 + Math.random()))
  }
}

/** Others are mostly quick: this many waits are nothing to speak of. */
const PATIENT_ATTEMPTS = 5
