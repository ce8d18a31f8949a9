// Declares what `npm run seed` adds to the database, in this order: a line for each seed, declared here or in a file of its own.
//   const books = defineSeed({ name: 'books', table: table.books, key: [table.books.title], rows: makeBooks })
// A row whose key is there already stays as it is. `makeBooks` gets the database, for the accounts that rows belong to, say.
// Rows can be of test/factories.ts, which makes the same ones in each run: `NewBook.parse(newBook())`.
import { films } from '../sample/films.ts'
import type { Seed } from '../seed/define.ts'

export const seeds: Seed[] = [films]
