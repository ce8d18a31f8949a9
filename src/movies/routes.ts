// Serves movies over HTTP: the sample resource. Read it, and delete it. It is a catalogue that every editor changes and everybody
// reads, as the API that this one replaces has it: `npm run new -- movie ... --shared --public-read`. Without flags rows are owned.
import { z } from 'zod'
import { requireRole, factory } from '../account/product.ts'
import { doc } from '../kit/http/doc.ts'
import { notFound } from '../kit/http/errors.ts'
import { answerList, LIST, listQuery } from '../kit/http/list-query.ts'
import { staleDb } from '../kit/http/stale.ts'
import { RowId, validate } from '../kit/http/validate.ts'
import { createMovie, deleteMovie, findMovie, movieList, updateMovie } from './queries.ts'
import { MovieResponse } from './table.ts'

// Unknown keys are ignored: clients send the whole object back as they read it.
export const NewMovie = z.object({
  title: z
    .string()
    .min(1, 'must not be empty')
    .max(500)
    .meta({ examples: ['Metropolis'] }),
  director: z
    .string()
    .max(500)
    .nullish()
    .meta({ examples: ['Fritz Lang'] }),
})

const OneMovie = z.object({ id: RowId })

export const movies = factory
  .createApp()

  .get(
    '/',
    doc('Lists movies.', z.array(MovieResponse), LIST),
    validate('query', listQuery(movieList)),
    // A list that everybody reads may be a moment old: a replica answers it, if there is one.
    async (c) =>
      c.var.respond(await answerList(c, movieList, { db: await staleDb(c) }, c.req.valid('query'))),
  )

  .get('/:id', doc('Returns a movie.', MovieResponse), validate('param', OneMovie), async (c) => {
    const movie = await findMovie(c.var.db, c.req.valid('param').id)
    if (movie === undefined) throw notFound(c)
    return c.var.respond(movie)
  })

  .post(
    '/',
    doc('Creates a movie and returns it.', MovieResponse, { status: 201 }),
    requireRole('editor'),
    validate('json', NewMovie),
    async (c) => {
      const { title, director = null } = c.req.valid('json')
      return c.var.respond(await createMovie(c.var.db, { title, director, creator: c.var.session.userId }))
    },
  )

  .put(
    '/:id',
    doc('Changes the fields of a movie that the body names, and returns it.', MovieResponse),
    requireRole('editor'),
    validate('param', OneMovie),
    validate('json', NewMovie.partial()),
    async (c) => {
      const movie = await updateMovie(c.var.db, c.req.valid('param').id, c.req.valid('json'))
      if (movie === undefined) throw notFound(c)
      return c.var.respond(movie)
    },
  )

  .delete(
    '/:id',
    doc('Deletes a movie and returns it.', MovieResponse),
    requireRole('editor'),
    validate('param', OneMovie),
    async (c) => {
      const movie = await deleteMovie(c.var.db, c.req.valid('param').id)
      if (movie === undefined) throw notFound(c)
      return c.var.respond(movie)
    },
  )
