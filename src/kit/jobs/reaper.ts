// Takes over what no run will settle: the jobs in a dead worker's list, and malformed ones.
import type { Redis } from 'ioredis'
import type { Log } from '../types/log.ts'
import type { DeadNotices } from './dead.ts'
import { call } from './lua.ts'
import { crashed, moveArgs, moveMalformedToDead } from './moves.ts'
import { MOVE, REAP } from './scripts.ts'

export function createReaper<D>(parts: {
  redis: Redis
  base: string
  keepDead: number
  log: Log
  notices: DeadNotices<D>
}) {
  const { redis, base, keepDead, log, notices } = parts

  /**
   * @param worker as bytes where others gave it its name
   * @param lease that it must have overrun, ms; '' for oneself
   * @returns how many jobs moved; null: it lives
   */
  async function reap(worker: string | Buffer, lease: number | ''): Promise<number | null> {
    const list = Buffer.concat([`${base}run:`, worker].map((part) => Buffer.from(part)))
    const moves = (await redis.lrangeBuffer(list, 0, -1)).map(crashed)
    const args = moves.flatMap((move) => moveArgs(move, keepDead))
    const moved = await call(redis, REAP, base, worker, lease, ...args)
    if (moved === null) return null
    const made = moves.filter((_, i) => moved[i] === 1)
    for (const move of made) notices.tell(move, false)
    return made.length
  }

  return {
    reap,

    /** Reaps workers that seem to be dead, those of them that still do. */
    async takeOver(workers: Buffer[], leaseMs: number): Promise<void> {
      for (const worker of workers) {
        const jobs = await reap(worker, leaseMs)
        if (jobs !== null) log.warn('worker died: its jobs are taken over', { worker: String(worker), jobs })
      }
    },

    /** What is no job goes to the dead, by its bytes. */
    async moveMalformedToDead(worker: string, raw: Buffer): Promise<void> {
      const move = moveMalformedToDead(raw)
      const moved = await call(redis, MOVE, base, `run:${worker}`, 0, ...moveArgs(move, keepDead))
      if (moved === 1) notices.tell(move, false)
    },
  }
}

export type Reaper = ReturnType<typeof createReaper>
