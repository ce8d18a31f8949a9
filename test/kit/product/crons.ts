// Its one cron.
import { defineCron } from '../../../src/kit/jobs/cron.ts'
import { tidy } from './tasks.ts'

export const crons = [defineCron({ name: 'weekly', schedule: '0 3 * * 1', task: tidy, input: {} })]
