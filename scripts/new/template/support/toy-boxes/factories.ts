// Makes valid inputs of toy boxes.
import { defineFactory } from '../../../../../test/kit/support/factory.ts'
import type { NewToyBox } from './routes.ts'

export const newToyBox = defineFactory<typeof NewToyBox>((n) => ({ label: `label ${n}` }))
