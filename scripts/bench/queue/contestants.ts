// Who takes part, in the order of the table.
import { join } from 'node:path'
import { bullmq } from './bullmq.ts'
import type { Contestant } from './contestant.ts'
import { groupmq } from './groupmq.ts'
import { keyed, ours } from './ours.ts'
import { raw } from './raw.ts'

/** The whole program is compared with that of an older checkout, if there is one: `--before <folder>`. */
const checkout = process.env.BENCH_BEFORE
const older: { ours: Contestant } | undefined = checkout
  ? await import(join(checkout, 'scripts/bench/queue/ours.ts'))
  : undefined
const before = older ? [{ ...older.ours, name: 'before' }] : []

export const PLAIN: Contestant[] = [ours, ...before, bullmq, raw]
export const KEYED: Contestant[] = [keyed, groupmq]
export const CONTESTANTS = [...PLAIN, ...KEYED]
