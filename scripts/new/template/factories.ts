// Makes valid inputs of each resource: what tests send, and what `npm run seed` can make rows of.
import { defineFactory } from '../../../test/kit/support/factory.ts'
// if under
import type { NewToyCar } from './routes.ts'
// else
// if needing
//| import type { Scope } from '../../../src/account/scope.ts'
//| import { createToyCar } from './queries.ts'
//| import { NewToyCar } from './routes.ts'
//| import { newToyMaker } from './support/toy-makers/factories.ts'
// if src/files/table.ts
//| import { addFile } from '../../../test/support/uploads.ts'
// end
//| import { createToyMaker } from './support/toy-makers/queries.ts'
//| import { NewToyMaker } from './support/toy-makers/routes.ts'
// else
//| import type { NewToyCar } from './routes.ts'
// end
// end

export const newToyCar = defineFactory<typeof NewToyCar, '$ref' | '$account'>((n) => ({
  // if plain
  $string: `$string ${n}`,
  $text: `$text ${n}`,
  $int: n,
  $number: n + 0.5,
  $decimal: (n + 0.5).toFixed(2),
  $bool: n % 2 === 0,
  $date: new Date(Date.UTC(2026, 0, n)).toISOString().slice(0, 10),
  $timestamp: new Date(Date.UTC(2026, 0, n)).toISOString(),
  $time: new Date(Date.UTC(2026, 0, 1, 0, n % 1439)).toISOString().slice(11, 19),
  $uuid: `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`,
  $email: `ann-${n}@example.com`,
  $url: `https://example.com/${n}`,
  $enum: n % 2 === 0 ? 'first' : 'second',
  $strings: [`$strings ${n}`],
  $json: { n },
  $optional: `$optional ${n}`,
  $default: `$default ${n}`,
  // end
}))

// if under
// else
// if needing
//| /** Adds a toy car, with what it refers to. */
//| export async function addToyCar(scope: Scope) {
//|   const refs = {
//|     $ref: (await createToyMaker(scope, NewToyMaker.parse(newToyMaker()))).id,
//|     $account: scope.me,
// if src/files/table.ts
//|     $file: await addFile(scope, 'image'),
// end
//|   }
//|   return createToyCar(scope, NewToyCar.parse(newToyCar(refs)))
//| }
// end
// end
