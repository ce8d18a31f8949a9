// What a person who forks does first, from a clean clone: the check stays green after each command, and the tests that it can
// break. All of yours under another name, after `npm run new`, upgrade.test.ts runs.
import { afterEach, beforeEach, expect, test } from 'bun:test'
import { cloneCheckout, type Checkout } from '../kit/support/checkout.ts'
import { ASK_WHAT_THERE_IS, expectGreen, SLOW_MS } from './green.ts'

let checkout: Checkout
beforeEach(() => {
  checkout = cloneCheckout()
}, SLOW_MS)
afterEach(() => checkout.remove(), SLOW_MS)

/** Those of the suite that have it in their text. @param pattern of git grep, extended */
const testsThatSay = (pattern: string, ...leftOut: string[]) =>
  checkout
    .git('grep', '-lE', pattern, '--', 'test/*.test.ts', ':!test/slow', ...leftOut)
    .trim()
    .split('\n')

test(
  'new resources of every type and of every kind of access are written, and pass at once',
  async () => {
    const every =
      `title:string:index isbn:string:unique(all) blurb:text? year:int?:index rating:number? lent:bool:index
      bought:date read_at:timestamp?:index shelf:uuid genre:enum(novel|poem)?:index`.split(/\s+/)
    const resources = [
      ['book', ...every],
      [
        'book-review',
        'stars:int',
        'day:date:unique',
        'shelf:int:unique',
        'kind:enum(a|b|c)',
        'mood:enum(b|a)?',
        '--under',
        'book',
      ],
      ['apple', 'tree:uuid:unique', '--shared', '--public-read'],
      ['apple-core', 'weight:number:index:unique', '--under', 'apple'],
      ['person', 'nick_name:string?', '--plural', 'people', '--shared', '--role', 'admin'],
      ['nose', 'length:int:index', '--under', 'person', '--plural', 'noses', '--shared', '--public-read'],
      ['flag', 'up:bool', '--public-read', '--on-delete', 'set-null'],
    ]
    for (const args of resources) {
      const { code, said } = await checkout.run('new', args)
      expect({ args, code, said }).toMatchObject({ code: 0 })
    }
    const made = checkout.git('ls-files', '--others', '--', 'test').trim().split('\n')
    expect(made).toHaveLength(resources.length)
    await expectGreen(checkout, [
      ...made,
      ...testsThatSay('describeRoutes|pg_constraint', ':!test/kit'), // of every route, and of every table
      'test/kit/scripts/migrations.test.ts',
      ...ASK_WHAT_THERE_IS,
    ])
  },
  SLOW_MS,
)

test(
  'the project is renamed',
  async () => {
    expect(await checkout.run('rename', ['film-club'])).toMatchObject({ code: 0 })
    const files = [...testsThatSay('package\\.json'), ...ASK_WHAT_THERE_IS]
    await expectGreen(checkout, [...new Set(files)])
  },
  SLOW_MS,
)
