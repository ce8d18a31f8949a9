// Redis as generic storage: what the store promises.
import { describe, expect, test } from 'bun:test'
import type { Json } from '../../../src/kit/types/json.ts'
import { createStore } from '../../../src/kit/data/store.ts'
import { deletePrefix, uniquePrefix } from '../support/services.ts'
import { openStore } from '../support/store.ts'
import { until } from '../support/until.ts'

const { prefix, redis, store } = openStore()

const range = (n: number) => Array.from({ length: n }, (_, i) => i)

const sorted = (numbers: (number | undefined)[]) => numbers.map(Number).toSorted((a, b) => a - b)

describe('values', () => {
  const values: Json[] = [
    null,
    false,
    0,
    -1.5,
    9007199254740991,
    '',
    'naïve 日本語 🎬 \u0000 "quoted"',
    '\ud800',
    [],
    {},
    [[], {}, [null]],
    JSON.parse('{"__proto__": {"a": 1}, "constructor": 2, "": []}'),
  ]
  test('any JSON value comes back as it was stored', async () => {
    for (const value of values) {
      await store.set('value', value)
      const stored = await store.get('value')
      expect(JSON.stringify(stored)).toBe(JSON.stringify(value))
    }
  })

  test('a miss is undefined, or the default', async () => {
    expect(await store.get('nothing')).toBeUndefined()
    expect(await store.get('nothing', 'default')).toBe('default')
  })

  test('a stored null or 0 is not a miss', async () => {
    await store.set('null', null)
    await store.set('zero', 0)
    expect(await store.get<Json>('null', 'default')).toBeNull()
    expect(await store.get<number>('zero', 1)).toBe(0)
  })

  test('a value with an expiry goes by itself', async () => {
    await store.set('brief', 1, 1)
    expect(await store.get<number>('brief')).toBe(1)
    await until('its end', async () => (await store.get('brief')) === undefined)
  })

  test('a value is kept until it is deleted, unless it was given an expiry', async () => {
    await store.set('k', 1, 100)
    expect(await redis.ttl(`${prefix}kv:k`)).toBeGreaterThan(90)
    await store.set('k', 2)
    expect(await redis.ttl(`${prefix}kv:k`)).toBe(-1)
  })

  test('of many calls of add at once one stores its value, until that expires', async () => {
    const added = await Promise.all(range(20).map((i) => store.add('claim', i, 100)))
    expect(added.filter(Boolean)).toHaveLength(1)
    expect(await store.get<number>('claim')).toBe(added.indexOf(true))
    expect(await redis.ttl(`${prefix}kv:claim`)).toBeGreaterThan(90)
    expect(store.add('claim', 1, 0)).rejects.toThrow(RangeError)
  })

  test('getAndSet answers what it replaced, and drops the expiry', async () => {
    expect(await store.getAndSet('swap', 1)).toBeUndefined()
    await store.set('swap', { a: 2 }, 100)
    expect(await store.getAndSet<Json>('swap', 3)).toEqual({ a: 2 })
    expect(await redis.ttl(`${prefix}kv:swap`)).toBe(-1)
  })

  test('of many calls of getAndSet at once, each answers what another one stored', async () => {
    await store.set('chain', -1)
    const replaced = await Promise.all(range(50).map((i) => store.getAndSet<number>('chain', i)))
    const last = await store.get<number>('chain')
    expect(sorted([...replaced, last])).toEqual([-1, ...range(50)])
  })

  test('delete takes one key or many, and answers how many there were', async () => {
    await Promise.all(['d1', 'd2', 'd3'].map((key) => store.set(key, key)))
    expect(await store.delete('d1')).toBe(1)
    expect(await store.delete('d1', 'd2', 'd3')).toBe(2)
    expect(await store.delete()).toBe(0)
    expect(await store.get('d3')).toBeUndefined()
  })

  test('two prefixes on one Redis do not see each other', async () => {
    const otherPrefix = uniquePrefix()
    const other = createStore(redis, otherPrefix)
    await store.set('mine', 1)
    await other.set('mine', 2)
    expect(await store.get<number>('mine')).toBe(1)
    await deletePrefix(otherPrefix)
  })
})

describe('counters', () => {
  test('increments at once lose none', async () => {
    const sums = await Promise.all(range(100).map(() => store.increment('hits')))
    expect(sorted(sums)).toEqual(range(100).map((i) => i + 1))
    expect(await store.get<number>('hits')).toBe(100)
  })

  test('a counter starts at what was set, and counts by any whole number', async () => {
    await store.set('stock', 10)
    expect(await store.increment('stock', 5)).toBe(15)
    expect(await store.increment('stock', -20)).toBe(-5)
  })

  test('a counter that leaves the exact integers says so', async () => {
    await store.set('big', Number.MAX_SAFE_INTEGER)
    expect(store.increment('big')).rejects.toThrow('"big" has left the range of exact integers')
  })
})

describe('lists', () => {
  test('items come out in the order in which they went in', async () => {
    for (const item of [1, 'two', { three: [3] }]) await store.append('list', item)
    expect(await store.length('list')).toBe(3)
    expect(await store.all<Json>('list')).toEqual([1, 'two', { three: [3] }])
    expect(await store.peek<Json>('list')).toBe(1)
    expect(await store.pop<Json>('list')).toBe(1)
    expect(await store.pop<Json>('list')).toBe('two')
    expect(await store.pop<Json>('list')).toEqual({ three: [3] })
    expect(await store.pop('list')).toBeUndefined()
    expect(await store.peek('list')).toBeUndefined()
    expect(await store.all('list')).toEqual([])
    expect(await store.length('list')).toBe(0)
  })

  test('past its maximum size a list drops its oldest items', async () => {
    const lengths: number[] = []
    for (const i of range(5)) lengths.push(await store.append('last three', i, 3))
    expect(lengths).toEqual([1, 2, 3, 3, 3])
    expect(await store.all<number>('last three')).toEqual([2, 3, 4])
  })

  test('many appends at once never take a list past its maximum size', async () => {
    const lengths = await Promise.all(range(50).map((i) => store.append('crowded', i, 7)))
    expect(Math.max(...lengths)).toBe(7)
    expect(await store.length('crowded')).toBe(7)
  })
})

describe('a pop that waits', () => {
  test('takes at once what is there', async () => {
    await store.append('ready', 'item')
    expect(await store.pop<string>('ready', 60)).toBe('item')
  })

  test('takes an item that comes later', async () => {
    const waiting = store.pop<string>('later', 60)
    await store.append('later', 'item')
    expect(await waiting).toBe('item')
    expect(await store.length('later')).toBe(0)
  })

  test('answers undefined when none came', async () => {
    expect(await store.pop('never', 0.02)).toBeUndefined()
    expect(await store.pop('never', 0.0001)).toBeUndefined()
  })

  test('goes on waiting past the longest time that Redis is asked to block', async () => {
    const waiting = store.pop<string>('patience', 60)
    await Bun.sleep(2200)
    await store.append('patience', 'item')
    expect(await waiting).toBe('item')
  })

  test('holds up neither other waits nor other commands', async () => {
    const long = store.pop<number>('a', 60)
    const other = store.pop<number>('b', 60)
    await store.append('b', 2)
    expect(await other).toBe(2)
    expect(await store.length('a')).toBe(0)
    await store.append('a', 1)
    expect(await long).toBe(1)
  })

  test('of many at once each gets exactly one item', async () => {
    const waiting = range(20).map(() => store.pop<number>('shared', 60))
    for (const i of range(20)) await store.append('shared', i)
    expect(sorted(await Promise.all(waiting))).toEqual(range(20))
    expect(await store.length('shared')).toBe(0)
  })

  test('ends when the store closes, and takes nothing afterwards', async () => {
    const closing = createStore(redis, prefix)
    const waiting = [closing.pop('closing', 60), closing.pop('closing', 60)]
    await closing.length('closing')
    closing.close()
    expect(await Promise.all(waiting)).toEqual([undefined, undefined])
    await store.append('closing', 1)
    expect(await store.length('closing')).toBe(1)
  })
})

describe('mistakes', () => {
  test('a value that is not JSON is an error that names its key', async () => {
    await redis.set(`${prefix}kv:foreign`, 'not json')
    await redis.rpush(`${prefix}kv:foreign list`, 'not json')
    expect(store.get('foreign')).rejects.toThrow('"foreign" is not JSON')
    expect(store.all('foreign list')).rejects.toThrow('"foreign list" is not JSON')
  })

  test('a value of another kind is an error that names its key', async () => {
    await store.append('a list', 1)
    await store.set('a text', 'x')
    expect(store.get('a list')).rejects.toThrow('"a list"')
    expect(store.increment('a text')).rejects.toThrow('"a text"')
    expect(store.append('a text', 1, 3)).rejects.toThrow('"a text"')
    expect(store.pop('a text')).rejects.toThrow('"a text"')
    expect(store.pop('a text', 60)).rejects.toThrow('"a text"')
  })

  test('arguments that make no sense are refused by name', async () => {
    for (const bad of [0, -1, 1.5, NaN, Infinity]) {
      expect(store.set('x', 1, bad)).rejects.toThrow('ttlSeconds')
      expect(store.append('x', 1, bad)).rejects.toThrow('maxSize')
    }
    for (const bad of [0.5, NaN, 2 ** 53]) expect(store.increment('x', bad)).rejects.toThrow('whole number')
    for (const bad of [-1, NaN, Infinity]) expect(store.pop('x', bad)).rejects.toThrow('waitSeconds')
    expect(store.get('')).rejects.toThrow('non-empty string')
    // @ts-expect-error: the type forbids it; a caller without types would learn it here
    expect(store.set('x', undefined)).rejects.toThrow('"x" has no JSON form')
    expect(await store.get('x')).toBeUndefined()
  })
})
