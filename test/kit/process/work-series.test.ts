// What `/metrics` says of reads that may be stale: what all processes saw together, and nothing where there are no replicas.
import { afterAll, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { StaleTarget } from '../../../src/kit/data/replicas.ts'
import { countWork } from '../../../src/kit/process/query-metrics.ts'
import { RequestTotals } from '../../../src/kit/process/request-totals.ts'
import { describeWork } from '../../../src/kit/process/work-series.ts'

const folder = mkdtempSync(join(tmpdir(), 'restbun-work-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const totals = new RequestTotals()
function processOf(name: string, staleStats?: () => StaleTarget[]): string {
  const file = join(folder, name)
  countWork(file, { observeQueries: () => {}, gates: new Map(), staleStats }).write()
  totals.add(file)
  return file
}
const series = () => describeWork(totals.readWork()).join('')

test('statements by server, which replicas are in use, and the worst lag; what was counted stays when a process ends', () => {
  processOf('alone')
  expect(series()).not.toMatch(/^postgres_(?:stale|replica)/m)
  const replica = (isIn: number, lagMs: number) => ({
    target: 'db2:5432',
    statements: 7,
    replica: { isIn, lagMs },
  })
  processOf('first', () => [{ target: 'primary', statements: 2 }, replica(1, 20)])
  const ended = processOf('second', () => [{ target: 'primary', statements: 3 }, replica(1, 900)])
  processOf('third', () => [{ target: 'primary', statements: 0 }])
  expect(series()).toContain('postgres_stale_statements_total{target="primary"} 5\n')
  expect(series()).toContain('postgres_stale_statements_total{target="db2:5432"} 14\n')
  expect(series()).toContain('postgres_replica_in_use{replica="db2:5432"} 2\n')
  expect(series()).toContain('postgres_replica_lag_seconds{replica="db2:5432"} 0.9\n')
  totals.settle(ended)
  expect(series()).toContain('postgres_stale_statements_total{target="db2:5432"} 14\n')
  expect(series()).toContain('postgres_replica_in_use{replica="db2:5432"} 1\n')
})
