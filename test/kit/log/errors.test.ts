// An error in the log: class, message, stack and causes, and nothing that it must not show.
import { describe, expect, test } from 'bun:test'
import { briefError, describeError } from '../../../src/kit/log/describe-error.ts'
import { run } from '../support/log.ts'

describe('an error', () => {
  test('shows its class, its message, its stack and its causes, each once', () => {
    const cause = Object.assign(new RangeError('too far'), { code: 'EFAR' })
    const record = describeError(new TypeError('wrong', { cause }))
    expect(record).toMatchObject({ type: 'TypeError', message: 'wrong' })
    expect(record.cause).toMatchObject({ type: 'RangeError', message: 'too far', code: 'EFAR' })
    expect(record.stack).toContain('errors.test.ts')
    expect(JSON.stringify(record).split('too far')).toHaveLength(2)
  })

  test('that holds others shows them', () => {
    const record = describeError(new AggregateError([new Error('first'), 'second'], 'both failed'))
    expect(record.errors?.map((e) => [e.type, e.message])).toEqual([
      ['Error', 'first'],
      ['string', '"second"'],
    ])
  })

  test('in a circle of causes comes to an end', () => {
    const a = new Error('a')
    a.cause = new Error('b', { cause: a })
    expect(JSON.stringify(describeError(a)).length).toBeLessThan(20_000)
  })

  test.each([undefined, null, 7, 'text', { password: 'hunter2' }])(
    'may be any thrown value: %p',
    (thrown) => {
      const record = describeError(thrown)
      expect(record.message).toBeString()
      expect(record.message).not.toContain('hunter2')
    },
  )

  test('hides what LOG_REDACT names, too', async () => {
    const { out } = await run(
      `log.error('thrown', { error: { iban: 'hunter2' } })
      log.error('caused', { error: new Error('x', { cause: { iban: 'hunter2' } }) })
      log.error('by SQL', { error: Object.assign(new Error('x'), { query: "select 'hunter2' as iban" }) })
      const circle = { iban: 'hunter2' }
      log.error('without JSON', { circle: Object.assign(circle, { circle }) })`,
      { redact: ['iban'] },
    )
    expect(out.match(/"msg"/g)).toHaveLength(4)
    expect(out).not.toContain('hunter2')
    expect(briefError({ iban: 'hunter2' }, ['iban'])).not.toContain('hunter2')
  })

  test('whose message looks like a stack frame does not pass for one', () => {
    const error = new Error('x\n    at hunter2')
    expect(describeError(error).stack).not.toContain('hunter2')
    expect(describeError(error).stack).toContain('errors.test.ts')
  })
})
