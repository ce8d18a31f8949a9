// The template of `npm run new`: its own test as it stands, and filled for each kind of access; and how its inputs are read.
import { afterAll, describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import type { z } from 'zod'
import type { Access } from '../../../scripts/new/access.ts'
import { parseNames } from '../../../scripts/new/names.ts'
import { toyCars } from '../../../scripts/new/template/routes.ts'
import { describeRoutes } from '../../../src/kit/http/doc.ts'
import { fillInFolder } from './filled-template.ts'
import { findUnboundedPatterns } from '../support/patterns.ts'

await import('../../../scripts/new/template/routes.test.ts')

const OWNED: Access = {
  owned: true,
  publicRead: false,
  writer: 'editor',
  onDelete: 'cascade',
  parent: undefined,
  bulk: false,
  softDelete: false,
  ownList: false,
  onParentDelete: 'cascade',
}
const SHARED: Access = { ...OWNED, owned: false, onDelete: 'set null' }
const [PUBLIC, STAYS] = [{ publicRead: true }, { onDelete: 'set null' } as const]
const [BULK, SOFT] = [{ bulk: true }, { softDelete: true }]

/** A type of each kind, each modifier, and both on one field. */
const FIELDS =
  `title:string:index:unique code:string:unique(all) blurb:text? seats:int?:index starts:timestamp:index
  genre:enum(novel|poem|play)?:index price:decimal(10,2):min(0):index:default(5) rate:decimal(3,3)?:max(0.5)
  doors:int:min(2):max(9):default(4):index wheels:int:min(3) ends:timestamp closed:timestamp?:default(now) sold:date?:min(2026-01-01):index
  opens:time:index:default(08:00) mail:email:unique site:url? tags:string[]?:min(1):max(3):index meta:json:default({"a":1})
  short:string:max(3):index long:text?:min(30) ratio:number:min(0):max(1) kind:uuid:index
  low:int:min(5) high:int closes:time:unique check(opens<closes) motto:string unique(seats,starts) unique(all,motto,high) check(high>low) check(low!=seats)
  exclude(genre,starts..ends)
  box:ref(toy-box) other:ref(toy-box,set-null)? driver:account? owner:account(cascade)`.split(/\s+/)
/** What access has a say in: for the kinds of access that differ in nothing else. */
const FEW =
  `title:string:index:unique code:string:unique(all) blurb:text? seats:int?:index starts:timestamp:index ends:timestamp
  genre:enum(novel|poem|play)?:index unique(seats,starts) check(ends>starts) exclude(genre,starts..ends) box:ref(toy-box) driver:account?`.split(
    /\s+/,
  )
const SHOP = { names: parseNames('workshop'), fields: ['name:string'], access: SHARED }
const BOX = {
  names: parseNames('toy-box'),
  fields: ['label:string', 'maker:ref(workshop)', 'keeper:account(cascade)'],
}

describe.each<[flags: string, Access, parent?: Access]>([
  ['', OWNED],
  ['--public-read --on-delete set-null --bulk', { ...OWNED, ...PUBLIC, ...STAYS, ...BULK }],
  ['--shared --soft-delete', { ...SHARED, ...SOFT }],
  ['--shared --public-read', { ...SHARED, ...PUBLIC }],
  ['--role admin --bulk --soft-delete', { ...OWNED, writer: 'admin', ...BULK, ...SOFT }],
  ['--shared --role superuser --bulk', { ...SHARED, writer: 'superuser', ...BULK }],
  ['--under an owned one --shared', SHARED, OWNED],
  [
    '--under a shared one --own-list --on-parent-delete restrict',
    { ...OWNED, ownList: true, onParentDelete: 'restrict' },
    SHARED,
  ],
  [
    '--under a shared one --public-read --bulk --soft-delete',
    { ...OWNED, ...PUBLIC, ...BULK, ...SOFT },
    SHARED,
  ],
  [
    '--under a public one --public-read --shared --soft-delete',
    { ...SHARED, ...PUBLIC, ...SOFT },
    { ...SHARED, ...PUBLIC },
  ],
  // oxlint-disable-next-line typescript/no-misused-promises -- Bun awaits it: the tests are in a module
])('of npm run new -- toy-car ... %s', async (_, given, above) => {
  const seenBy = above?.publicRead ? 'everybody' : above?.owned ? 'owner' : 'accounts'
  const access: Access = { ...given, parent: above && { names: BOX.names, seenBy, needsOthers: true } }
  const fields = given === OWNED || given.softDelete ? FIELDS : FEW
  const car = { names: parseNames('toy-car'), fields, access }
  const filled = fillInFolder([SHOP, { ...BOX, access: above ?? SHARED }, car])
  afterAll(filled.remove)
  await import(join(filled.root, 'test/toy-cars.test.ts'))
})

const routes = describeRoutes(toyCars)

test.each([
  ['2026-01-31T12:00:00Z', true],
  ['2026-01-31T12:00:00+05:30', true],
  ['1000-01-01T00:00:00Z', true],
  ['9999-12-31T23:59:59Z', true],
  ['1000-01-01T00:00:00+00:01', false], // in UTC it is still the year 999
  ['0999-12-31T23:59:00-00:01', true],
  ['9999-12-31T23:59:59-00:01', false], // and the year 10000
  ['0000-01-01T00:00:00Z', false],
  ['0001-01-01T00:00:00+14:00', false],
])('a moment counts by its year after the offset: %s %p', (moment, isTaken) => {
  const inputs = routes.find(({ method }) => method === 'POST')?.inputs
  const body = inputs?.find(({ target }) => target === 'json')?.schema as z.ZodObject
  expect((body.shape.$timestamp as z.ZodType).safeParse(moment).success).toBe(isTaken)
})

test('no text is looked at further than its length allows', () => {
  const inputs = routes.flatMap((route) => route.inputs)
  expect(inputs.length).toBeGreaterThan(5)
  expect(inputs.flatMap(({ schema }) => findUnboundedPatterns(schema))).toEqual([])
})
