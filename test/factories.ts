// Makes valid inputs of each resource: what tests send, and what `npm run seed` can make rows of.
import type { NewMovie } from '../src/movies/routes.ts'
import { defineFactory } from './kit/support/factory.ts'

export const newMovie = defineFactory<typeof NewMovie>((n) => ({
  title: `title ${n}`,
  director: `director ${n}`,
}))
