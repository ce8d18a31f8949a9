// The word that somebody meant: near enough to be it, or none.
import { expect, test } from 'bun:test'
import { hint, nearest } from '../../../src/kit/types/nearest.ts'

const TYPES = ['string', 'text', 'int', 'number', 'bool', 'timestamp']

test.each([
  ['string', 'string'],
  ['strin', 'string'],
  ['sstring', 'string'],
  ['strong', 'string'],
  ['sting', 'string'],
  ['txet', 'text'],
  ['itn', 'int'], // swapped: one edit
  ['String', 'string'],
  ['integer', 'int'],
  ['boolean', 'bool'],
  ['time', 'timestamp'],
  ['timstmap', 'timestamp'],
  ['tetx', 'text'],
  ['varchar', undefined],
  ['', undefined],
  ['x', undefined],
  ['constructor', undefined],
  ['s'.repeat(100_000), undefined],
])('%s is meant to be %s', (word, meant) => {
  expect(nearest(word, TYPES)).toBe(meant)
})

test('of two that are as near the first is meant, and of none none', () => {
  expect(nearest('stap', ['step', 'stop'])).toBe('step')
  expect(nearest('stip', ['stop', 'step'])).toBe('stop')
  expect(nearest('strips', ['stop', 'strip'])).toBe('strip')
  expect(nearest('string', [])).toBeUndefined()
})

test('a message ends with what was meant, or else with all that there is', () => {
  expect(`No type "strin"${hint('strin', TYPES)}`).toBe('No type "strin": did you mean string?')
  expect(`No type "json"${hint('json', ['int', 'text'])}`).toBe('No type "json": there are int, text')
})
