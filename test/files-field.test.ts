// Fields of new resources that refer to files, `photo:file(image)`: what is generated keeps its own test, and what is refused.
import { afterAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { ACCESS_OPTIONS, readAccess } from '../scripts/new/access.ts'
import { parseFields } from '../scripts/new/fields.ts'
import { parseNames } from '../scripts/new/names.ts'
import { findPurpose } from '../scripts/new/purposes.ts'
import { fillTemplate } from '../scripts/new/template.ts'
import { fillInFolder } from './kit/scripts/filled-template.ts'

const accessBy = (args: string) =>
  readAccess('', parseArgs({ args: args.split(' ').filter(Boolean), options: ACCESS_OPTIONS }).values)

const FIELDS = 'title:string:unique photo:file(image) cover:file(image)? from:int to:int exclude(from..to)'

describe.each(['', '--shared --soft-delete', '--public-read --bulk --on-delete set-null'])(
  'of npm run new -- toy-car photo:file(image) ... %s',
  // oxlint-disable-next-line typescript/no-misused-promises -- Bun awaits it: the tests are in a module
  async (flags) => {
    const car = { names: parseNames('toy-car'), fields: FIELDS.split(' '), access: accessBy(flags) }
    const filled = fillInFolder([car])
    afterAll(filled.remove)
    await import(join(filled.root, 'test/toy-cars.test.ts'))
  },
)

// oxlint-disable-next-line typescript/no-misused-promises -- Bun awaits it: the tests are in a module
describe('of npm run new -- toy-car ... --under toy-box, which has a file, too,', async () => {
  const logo = { fields: ['logo:file(image)'], access: accessBy('--shared') }
  const [box, maker] = [
    { names: parseNames('toy-box'), ...logo },
    { names: parseNames('toy-maker'), ...logo },
  ]
  const parent = {
    names: box.names,
    seenBy: 'accounts',
    goesWithAccount: false,
    isSoft: false,
    needsOthers: true,
  } as const
  const fields = ['photo:file(image)', 'maker:ref(toy-maker)']
  const car = { names: parseNames('toy-car'), fields, access: { ...accessBy(''), ownList: true, parent } }
  const filled = fillInFolder([box, maker, car])
  afterAll(filled.remove)
  await import(join(filled.root, 'test/toy-cars.test.ts'))
})

test('a client is told where the bytes of a file are', () => {
  const [field] = parseFields(['photo:file(image)'], 'car')
  const files = fillTemplate(parseNames('car'), field ? [field] : [], accessBy(''))
  expect(files['src/cars/table.ts']).toContain('`GET /api/files/:id/public` has its bytes')
  expect(files['src/cars/queries.ts']).toContain("usableFile(scope, 'image')")
})

test.each([
  ['photo:file', 'takes what the file is for: file(image)'],
  ['photo:file(image,public)', 'takes what the file is for: file(image)'],
  ['photo:file(imag)', 'has no purpose "imag": did you mean image?'],
  ['photo:file(toString)', 'has no purpose "toString": there are image'],
  ['letter:file(document)', 'or name one that has it: image'],
  ['photo:file(image):unique', ':unique is for no file'],
  ['photo:photo', 'did you mean file(image)?'],
])('the field %s is refused: %s', (spec, why) => {
  expect(() => parseFields([spec], 'car')).toThrow(why)
})

test('where files were taken out there is no such field', () => {
  const root = mkdtempSync(join(tmpdir(), 'restbun-without-'))
  expect(() => findPurpose(root, ['image'], 'photo:file(image)')).toThrow('npm run remove -- files')
  rmdirSync(root)
})
