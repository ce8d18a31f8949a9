// The alert rules and the metrics, by Prometheus itself: `apt-get install prometheus`.
import { afterEach, expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startService, type Service } from '../kit/support/supervised.ts'
import { until } from '../kit/support/until.ts'
import { freePort } from '../kit/support/ports.ts'

const FOLDER = join(import.meta.dir, '../../scripts/deploy')
const isThere = Bun.which('prometheus') !== null && Bun.which('promtool') !== null

let service: Service | undefined
afterEach(async () => {
  await service?.close()
  service = undefined
})

async function promtool(args: string[], input = ''): Promise<{ code: number; out: string }> {
  const child = Bun.spawn(['promtool', ...args], {
    cwd: FOLDER,
    stdin: new Blob([input]),
    stdout: 'pipe',
    stderr: 'pipe',
  })
  const [out, err, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited])
  return { code, out: out + err }
}

test.skipIf(!isThere)('the rules are valid, and fire when they should', async () => {
  for (const args of [
    ['check', 'rules', 'alerts.yml'],
    ['test', 'rules', 'alerts.test.yml'],
  ])
    expect(await promtool(args)).toMatchObject({ code: 0 })
})

test.skipIf(!isThere)(
  'Prometheus scrapes a service that runs, finds nothing to lint, and none of the rules breaks',
  async () => {
    const metricsPort = await freePort()
    service = await startService({ METRICS_PORT: String(metricsPort), WORKER_PROCESSES: '1' })
    await fetch(`${service.url}/health`)
    const scrape = async () => (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text()
    const text = await until('requests, queries and gates', async () => {
      const now = await scrape()
      return ['http_requests_total{', 'postgres_query_errors_total{', 'gate_places{'].every((one) =>
        now.includes(one),
      )
        ? now
        : undefined
    })
    expect(await promtool(['check', 'metrics'], text)).toEqual({ code: 0, out: '' })

    const folder = mkdtempSync(join(tmpdir(), 'restbun-prometheus-'))
    const port = await freePort()
    writeFileSync(
      join(folder, 'prometheus.yml'),
      `global: { scrape_interval: 1s, evaluation_interval: 1s }
rule_files: ['${join(FOLDER, 'alerts.yml')}']
scrape_configs: [{ job_name: it, static_configs: [{ targets: ['127.0.0.1:${metricsPort}'] }] }]
`,
    )
    const files = [`--config.file=${folder}/prometheus.yml`, `--storage.tsdb.path=${folder}/data`]
    const prometheus = Bun.spawn(['prometheus', ...files, `--web.listen-address=127.0.0.1:${port}`], {
      stdio: ['ignore', 'ignore', 'ignore'],
    })
    try {
      const ask = async (path: string) => {
        const reply = await fetch(`http://127.0.0.1:${port}/api/v1/${path}`).catch(() => undefined)
        return reply?.ok ? ((await reply.json()) as { data: unknown }).data : undefined
      }
      await until('a scrape', async () => {
        const found = (await ask('query?query=up')) as { result: { value: [number, string] }[] } | undefined
        return found?.result[0]?.value[1] === '1'
      })
      const rules = await until('all rules to be evaluated', async () => {
        const found = (await ask('rules')) as
          | { groups: { rules: { name: string; health: string }[] }[] }
          | undefined
        const all = found?.groups.flatMap((group) => group.rules) ?? []
        return all.length > 0 && all.every(({ health }) => health !== 'unknown') ? all : undefined
      })
      expect(rules.filter(({ health }) => health !== 'ok')).toEqual([])
    } finally {
      prometheus.kill()
      await prometheus.exited
      rmSync(folder, { recursive: true })
    }
  },
)
