// Makes valid inputs of toy makers.
import { defineFactory } from '../../../../../test/kit/support/factory.ts'
import type { NewToyMaker } from './routes.ts'

export const newToyMaker = defineFactory<typeof NewToyMaker>((n) => ({ label: `label ${n}` }))
