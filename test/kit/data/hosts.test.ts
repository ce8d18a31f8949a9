// Which of several Postgres servers takes writes: asked, believed, and asked again. The servers are pretended; test/slow/machines has real ones.
import { afterEach, expect, test } from 'bun:test'
import type postgres from 'postgres'
import { Client } from '../../../src/kit/data/postgres/client.ts'
import { Hosts } from '../../../src/kit/data/postgres/hosts.ts'
import { driverCode, isTransient } from '../../../src/kit/data/transient.ts'
import { until } from '../support/until.ts'

type Answer = { standby: boolean; timeline: number }
/** What a server answers: its role, an error's code, or nothing, as one that is frozen. */
type Says = Answer | string | undefined

const STANDBY = { standby: true, timeline: 0 }
const primary = (timeline: number) => ({ standby: false, timeline })

const opened: Hosts[] = []
afterEach(async () => {
  await Promise.all(opened.splice(0).map((hosts) => hosts.close()))
})

/** Servers `a`, `b` and so on, that say what stands in `says` at that moment. */
function start(...first: Says[]) {
  const names = first.map((_, i) => 'abc'.charAt(i))
  const says: Record<string, Says> = Object.fromEntries(names.map((name, i) => [name, first[i]]))
  const asked: Record<string, number> = Object.fromEntries(names.map((name) => [name, 0]))
  const times = (name: string) => asked[name] ?? 0
  const said: string[] = []
  let lost = 0
  const note = (line: string) => void said.push(line)
  const hosts = new Hosts(`postgres://ann:hunter2@${names.join(',')}/x`, {
    log: { debug() {}, info: note, warn: note, error: note },
    onLost: () => void lost++,
    open: (url) => pretend(new URL(url).host),
  })
  function pretend(name: string) {
    const unsafe = async () => {
      asked[name] = times(name) + 1
      const answer = says[name]
      if (answer === undefined) return new Promise(() => {})
      if (typeof answer === 'string') throw Object.assign(new Error(answer), { code: answer })
      return [answer]
    }
    return { unsafe, end: async () => {} } as unknown as postgres.Sql
  }
  opened.push(hosts)
  const host = () => new URL(hosts.url).host
  return { hosts, says, asked, times, said, host, lost: () => lost }
}

const isFound = (hosts: Hosts) =>
  Promise.resolve(hosts.find()).then(
    () => true,
    () => false,
  )
const found = ({ hosts }: { hosts: Hosts }) => until('the primary', () => isFound(hosts))
const failureOf = (hosts: Hosts) => Promise.resolve(hosts.find()).catch((error: unknown) => error)

test('the one that takes writes is found, wherever it stands, and told once', async () => {
  const at = start(STANDBY, primary(1), 'ECONNREFUSED')
  await at.hosts.find()
  expect(at.host()).toBe('b')
  expect(at.hosts.find()).toBeUndefined()
  await until('the next round', () => at.times('b') > 1)
  expect(at.said).toEqual(['Postgres: the primary is b'])
})

test('a server that is frozen is not waited for while another one is the primary', async () => {
  const at = start(undefined, primary(1))
  await at.hosts.find()
  expect(at.host()).toBe('b')
})

test('where none takes writes that is said of each, without the password, and as what passes', async () => {
  const at = start(STANDBY, 'ECONNREFUSED', undefined)
  const failure = await failureOf(at.hosts)
  expect(driverCode(failure)).toBe('NO_PRIMARY')
  expect(isTransient(failure)).toBe(true)
  const { message } = failure as Error
  expect(message).toContain('a is a standby, b does not answer (ECONNREFUSED), c does not answer')
  expect(message).not.toContain('hunter2')
  at.says.a = primary(2)
  await found(at)
  expect(at.host()).toBe('a')
})

test('however many wait, each server is asked once', async () => {
  const at = start(STANDBY, primary(1))
  await Promise.all(Array.from({ length: 100 }, () => at.hosts.find()))
  expect(at.asked).toEqual({ a: 1, b: 1 })
})

test('a promotion moves it, and the connections to the former are given up', async () => {
  const at = start(primary(1), STANDBY)
  await at.hosts.find()
  Object.assign(at.says, { a: 'ECONNREFUSED', b: primary(2) })
  at.hosts.suspect()
  await found(at)
  await until('the other one', () => at.host() === 'b')
  expect(at.lost()).toBe(1)
})

test('of two that take writes the one that was promoted last counts, though the other one comes back', async () => {
  const at = start(primary(1), STANDBY)
  await at.hosts.find()
  at.says.b = primary(2)
  await until('the other one', () => at.host() === 'b')
  expect(at.lost()).toBe(1)
  const before = at.times('a')
  await until('the former to be asked again', () => at.times('a') > before + 1)
  expect(at.host()).toBe('b')
  Object.assign(at.says, { b: 'ECONNREFUSED' })
  await until('b to be missed', () => at.lost() === 2)
  expect(driverCode(await failureOf(at.hosts))).toBe('NO_PRIMARY')
})

test('a primary whose connections are all taken stays the primary', async () => {
  const at = start(primary(1), STANDBY)
  await at.hosts.find()
  at.says.a = '53300'
  const before = at.times('a')
  await until('it to be asked again', () => at.times('a') > before + 1)
  expect(at.hosts.find()).toBeUndefined()
  at.hosts.suspect()
  await at.hosts.find()
  expect([at.host(), at.lost()]).toEqual(['a', 0])
})

test('while the primary is doubted a statement waits until it has answered', async () => {
  const at = start(primary(1), STANDBY)
  await at.hosts.find()
  at.hosts.suspect()
  const search = at.hosts.find()
  expect(search).toBeInstanceOf(Promise)
  await search
  expect([at.host(), at.lost()]).toEqual(['a', 0])
})

test('only a refusal to write concerns all connections', async () => {
  let refused = 0
  const says: { code?: string } = {}
  const client = new Client({
    pooler: { isPresent: false, onFound() {} },
    observers: [],
    hosts: undefined,
    onReadOnly: () => void refused++,
    open: () =>
      ({
        unsafe: async () => {
          throw Object.assign(new Error(says.code), says)
        },
        end: async () => {},
      }) as unknown as postgres.Sql,
  })
  for (const code of ['23505', '57014', 'CONNECTION_CLOSED', '25006']) {
    says.code = code
    expect(driverCode(await client.sendAlone({ text: 'select 1' }).catch((error: unknown) => error))).toBe(
      code,
    )
  }
  expect(refused).toBe(1)
})
