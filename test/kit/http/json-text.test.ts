// An answer's JSON is what JSON.stringify makes of it.
import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { jsonText } from '../../../src/kit/http/json-text.ts'

class Money {
  constructor(private readonly amount: string) {}
  toJSON() {
    return this.amount
  }
}

const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.date({ noInvalidDate: false }),
    fc.constantFrom<unknown>(undefined, null, new Money('5.10'), new URL('http://x.example/'), () => 1),
    fc.string(),
    fc.double(),
    fc.array(tie('value')),
    fc.dictionary(fc.string(), tie('value')),
  ),
}))

test('dates, gaps and values that write themselves come out as JSON.stringify writes them', () => {
  fc.assert(
    fc.property(fc.array(value), (rows) => {
      const before = Bun.inspect(rows, { depth: 20 })
      expect(jsonText(rows)).toBe(JSON.stringify(rows))
      expect(Bun.inspect(rows, { depth: 20 })).toBe(before) // and what was handed in stays as it was
    }),
  )
})
