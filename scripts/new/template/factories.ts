// Makes valid inputs of each resource: what tests send, and what `npm run seed` can make rows of.
import { defineFactory } from '../../../test/kit/support/factory.ts'
import type { NewToyCar } from './routes.ts'

export const newToyCar = defineFactory<typeof NewToyCar>((n) => ({
  $string: `$string ${n}`,
  $text: `$text ${n}`,
  $int: n,
  $number: n + 0.5,
  $bool: n % 2 === 0,
  $date: new Date(Date.UTC(2026, 0, n)).toISOString().slice(0, 10),
  $timestamp: new Date(Date.UTC(2026, 0, n)).toISOString(),
  $uuid: `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`,
  $enum: n % 2 === 0 ? 'first' : 'second',
  $optional: `$optional ${n}`,
}))
