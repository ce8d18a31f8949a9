// A trace that comes in: what counts as one, and where it goes without any SDK.
import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { requestContext, traceIdOf } from '../../../src/kit/log/request-context.ts'
import {
  currentTrace,
  parseTrace,
  readTrace,
  registeredTracer,
  traceHeaders,
} from '../../../src/kit/log/trace.ts'

const ID = '4bf92f3577b34da6a3ce929d0e0e4736'
const PARENT = `00-${ID}-00f067aa0ba902b7-01`

test('a traceparent is taken with its tracestate, and given on as it came', () => {
  const trace = readTrace(PARENT, 'vendor=1,other=a b')
  expect(traceIdOf(trace)).toBe(ID)
  expect(parseTrace(trace)).toBe(trace)
  requestContext.run({ trace }, () => {
    expect(currentTrace()).toBe(trace)
    expect(traceHeaders()).toEqual({ traceparent: PARENT, tracestate: 'vendor=1,other=a b' })
  })
  expect(traceHeaders()).toEqual({})
})

test('of a later version the known part counts', () => {
  expect(readTrace(`cc${PARENT.slice(2)}-what-the-future-holds`)).toBe(PARENT)
})

test.each([
  ['nothing', ''],
  ['another type', 7],
  ['a version that is none', `ff${PARENT.slice(2)}`],
  ['more behind version 00', `${PARENT}-x`],
  ['a trace id of zeros', `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`],
  ['a span id of zeros', `00-${ID}-${'0'.repeat(16)}-01`],
  ['capitals', PARENT.toUpperCase()],
  ['what is not hexadecimal', PARENT.replace('4bf', 'xyz')],
  ['two of them', `${PARENT}, ${PARENT}`],
  ['a line break', `${PARENT}\r\nX-Evil: 1`],
  ['a megabyte', PARENT.repeat(20_000)],
])('%s is no trace', (_, text) => {
  expect(readTrace(text)).toBeUndefined()
  expect(parseTrace(text)).toBeUndefined()
})

test('a tracestate that is too long or no printable ASCII is dropped, and the trace stays', () => {
  for (const state of ['x'.repeat(513), 'a=\r\nb', 'a=é', ' ', ''])
    expect(readTrace(PARENT, state)).toBe(PARENT)
})

test('whatever text comes, reading it throws nothing, and what it gives can be sent as a header', () => {
  fc.assert(
    fc.property(fc.string(), fc.string({ unit: 'binary' }), (parent, state) => {
      for (const text of [
        readTrace(parent, state),
        readTrace(PARENT, state),
        parseTrace(`${PARENT} ${state}`),
      ])
        if (text !== undefined) requestContext.run({ trace: text }, () => void new Headers(traceHeaders()))
    }),
  )
})

test('without an SDK there is no tracer', () => {
  expect(registeredTracer()).toBeUndefined()
})
