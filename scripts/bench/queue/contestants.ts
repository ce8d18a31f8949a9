// Who takes part, in the order of the table.
import { bullmq } from './bullmq.ts'
import type { Contestant } from './contestant.ts'
import { ours } from './ours.ts'
import { raw } from './raw.ts'

export const CONTESTANTS: Contestant[] = [ours, bullmq, raw]
