// Forms with a file: read piece by piece, however they are cut, and refused where they are none.
import { describe, expect, test } from 'bun:test'
import * as fc from 'fast-check'
import { readForm } from '../../../src/kit/http/multipart.ts'

const BOUNDARY = 'x-7e'
const latin1 = (text: string) => Uint8Array.from(text, (c) => c.charCodeAt(0))
const FIELD = `--${BOUNDARY}\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nimage\r\n`
const FILE = `--${BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\nContent-Type: image/png\r\n\r\n`
const END = `\r\n--${BOUNDARY}--\r\n`

async function* cut(bytes: Uint8Array, sizes: readonly number[]) {
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const size = sizes[i % sizes.length] ?? 1
    yield bytes.subarray(at, at + size)
    at += size
  }
}

async function read(text: string, sizes: readonly number[] = [1000]) {
  const bytes = latin1(text)
  const form = await readForm(cut(bytes, sizes), BOUNDARY, bytes.length)
  let content = ''
  for await (const piece of form.file.bytes) content += String.fromCharCode(...piece)
  const { name, type, size } = form.file
  return { fields: form.fields, field: form.field, name, type, size, content }
}

test('whatever is in a file, and however the form is cut, its bytes are those that were sent', async () => {
  const near = fc.constantFrom(
    '\r\n',
    '--',
    `\r\n--${BOUNDARY.slice(0, -1)}`,
    '\r',
    '\n',
    BOUNDARY,
    '\0',
    'a',
  )
  const content = fc.array(near, { minLength: 1, maxLength: 20 }).map((parts) => parts.join(''))
  const isNone = (text: string) => !`${text}\r\n`.includes(`\r\n--${BOUNDARY}`)
  const sizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 5 })
  await fc.assert(
    fc.asyncProperty(content.filter(isNone), sizes, async (text, cuts) => {
      expect(await read(FIELD + FILE + text + END, cuts)).toEqual({
        fields: { purpose: 'image' },
        field: 'file',
        name: 'a.png',
        type: 'image/png',
        size: text.length,
        content: text,
      })
    }),
    { numRuns: 300 },
  )
})

describe('a form is refused', () => {
  test.each([
    ['that ends early', FIELD + FILE + 'bytes', 'it ends early'],
    ['that is empty', '', 'it ends early'],
    ['with something before its first part', `hello\r\n${FIELD}`, 'something stands before'],
    ['without a file', `${FIELD}--${BOUNDARY}--\r\n`, 'it has no file'],
    ['with a part behind its file', `${FILE}bytes\r\n${FIELD}${END}`, 'its file is not its last part'],
    [
      'with a part that has no name',
      `--${BOUNDARY}\r\nContent-Type: a/b\r\n\r\nx${END}`,
      'a part has no name',
    ],
    ['with a field that is too large', FIELD.replace('image', 'x'.repeat(100_000)), 'a field is too large'],
    ['with headers that do not end', `--${BOUNDARY}\r\n${'x'.repeat(100_000)}`, 'a field is too large'],
    ['with too many fields', FIELD.repeat(10_000), 'its fields are too large'],
    ['with a field that is not UTF-8', FIELD.replace('image', '\xff') + FILE + END, 'a field is not UTF-8'],
  ])('%s', async (_what, form, message) => {
    await expect(read(form)).rejects.toThrow(message)
  })
})
