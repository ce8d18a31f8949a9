// Its notes over HTTP.
import { z } from 'zod'
import { ApiError } from '../../../src/kit/types/api-error.ts'
import { doc } from '../../../src/kit/http/doc.ts'
import { notFound } from '../../../src/kit/http/errors.ts'
import { ifMatch, writtenRow } from '../../../src/kit/http/if-match.ts'
import { answerList, LIST, listQuery } from '../../../src/kit/http/list-query.ts'
import { RowId, validate } from '../../../src/kit/http/validate.ts'
import { factory, idempotent, requireRole } from './product.ts'
import { addNote, changeNote, dropNote, findNote, noteList } from './queries.ts'
import { NoteResponse } from './table.ts'

const NewNote = z.object({ text: z.string().min(1, 'must not be empty').max(500) })
const OneNote = z.object({ id: RowId })

export const notes = factory
  .createApp()

  .get(
    '/',
    doc('Lists notes.', z.array(NoteResponse), { ...LIST, etag: true }),
    validate('query', listQuery(noteList)),
    async (c) => c.var.respond(await answerList(c, noteList, c.var, c.req.valid('query'))),
  )

  .get(
    '/:id',
    doc('Returns a note.', NoteResponse, { etag: true }),
    validate('param', OneNote),
    async (c) => {
      const note = await findNote(c.var.db, c.req.valid('param').id)
      if (note === undefined) throw notFound(c)
      return c.var.respond(note)
    },
  )

  .post(
    '/',
    doc('Writes a note.', NoteResponse, { status: 201 }),
    requireRole('writer'),
    validate('json', NewNote),
    idempotent(),
    async (c) => {
      const { text } = c.req.valid('json')
      const { noteLength } = c.var.config
      if (text.length > noteLength) throw new ApiError(400, `A note has ${noteLength} characters at most`)
      return c.var.respond(await addNote(c.var.db, { text, writer: c.var.session.userId }))
    },
  )

  // JSON merge of the fields that the body names (RFC 7396, of the top level): for both.
  .on(
    ['PUT', 'PATCH'],
    '/:id',
    doc('Changes the fields of a note that the body names.', NoteResponse),
    requireRole('writer'),
    validate('param', OneNote),
    validate('json', NewNote.partial()),
    ifMatch(),
    async (c) => {
      const { id } = c.req.valid('param')
      const note = await changeNote(c.var.db, id, c.req.valid('json'), c.var.versions)
      return c.var.respond(await writtenRow(c, note, () => findNote(c.var.db, id)))
    },
  )

  .delete(
    '/:id',
    doc('Drops a note.', NoteResponse),
    requireRole('writer'),
    validate('param', OneNote),
    ifMatch(),
    async (c) => {
      const { id } = c.req.valid('param')
      const note = await dropNote(c.var.db, id, c.var.versions)
      return c.var.respond(await writtenRow(c, note, () => findNote(c.var.db, id)))
    },
  )
