// Validates a form with a file on a route: its fields by a schema, and the file as a stream for the handler.
import type { MiddlewareHandler } from 'hono'
import { z } from 'zod'
import { contentTooLarge, invalidRequest, unsupportedMediaType } from '../types/api-error.ts'
import { tag } from './doc.ts'
import { type FilePart, readForm } from './multipart.ts'
import { lengthRequired, type StreamedBody, streamsBody } from './streamed-body.ts'
import { checkValue } from './validate.ts'

const FORM = /^multipart\/form-data\s*;.*\bboundary=(?:"([^"]{1,70})"|([\w'()+,./:=?-]{1,70}))/i

/**
 * As `validate`, for `multipart/form-data`: the handler reads the fields by `c.req.valid('form')`, and the file, which is the last
 * part and named `file`, by `c.var.file`, as it comes. Within limits of its own, beside BODY_LIMIT.
 */
export function validateFile<S extends z.ZodObject>(
  schema: S,
  limits: StreamedBody,
): MiddlewareHandler<
  { Variables: { file: FilePart } },
  string,
  { in: { form: z.input<S> & { file: File } }; out: { form: z.output<S> } }
> {
  const handler: MiddlewareHandler = async (c, next) => {
    await limited(c, async () => {
      const [, quoted, plain] = FORM.exec(c.req.header('content-type') ?? '') ?? []
      const boundary = quoted ?? plain
      if (boundary === undefined)
        throw unsupportedMediaType({ message: 'Content-Type must be multipart/form-data, with a boundary' })
      const body = (c.req.raw.body ?? []) as AsyncIterable<Uint8Array>
      const form = await readForm(body, boundary, Number(c.req.header('content-length')))
      if (form.field !== 'file' || form.file.size < 1)
        throw invalidRequest({ message: 'file: is required, as the last part of the form' })
      c.req.addValidatedData('form', await checkValue(c, 'form', schema, form.fields))
      c.set('file', form.file)
      await next()
    })
  }
  const limited = streamsBody(limits)
  const file = z.string().meta({ format: 'binary' }).describe('The bytes, as the last part.')
  return tag(handler, {
    input: { target: 'file', schema: schema.extend({ file }) },
    streams: limits,
    errors: [invalidRequest, unsupportedMediaType, lengthRequired, contentTooLarge],
  })
}
