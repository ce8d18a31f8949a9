// The page for operators over a queue that is emptied before each test, and an operator who is signed in.
import { afterAll, beforeEach } from 'bun:test'
import { Redis } from 'ioredis'
import type { WorkerOptions } from '../../../src/kit/jobs/options.ts'
import { keyBase } from '../../../src/kit/jobs/scripts.ts'
import { startWorker, type Worker } from '../../../src/kit/jobs/worker.ts'
import type { Client } from '../support/client.ts'
import { HTML } from '../support/forms.ts'
import { startApp } from '../support/harness.ts'
import { silent } from '../support/log.ts'
import { deletePrefix, redisUrl } from '../support/services.ts'

export async function openOperatorsPage() {
  const app = await startApp()
  const redis = new Redis(redisUrl())
  const base = keyBase(app.config.redisPrefix)
  afterAll(async () => {
    redis.disconnect()
    await app.close()
  })
  beforeEach(() => deletePrefix(base))
  const boss = await app.member('owner')

  /** As the browser sends a form of the page. */
  const post = (client: Client, path: string, fields: Record<string, string> = {}, headers = {}) =>
    client.send('POST', path, new URLSearchParams(fields).toString(), {
      ...HTML,
      Origin: app.url,
      'Content-Type': FORM,
      ...headers,
    })
  const die = (job: Record<string, unknown>) => redis.lpush(`${base}dead`, JSON.stringify(job))

  return {
    app,
    redis,
    base,
    boss,
    post,
    die,
    act: (action: string, fields: Record<string, string> = {}) => post(boss, `${PATH}/${action}`, fields),
    page: async (search = '') => (await boss.get(PATH + search, HTML)).text,
    deadJob: (id: string) =>
      die({ id, task: 'sendInvoice', data: { order: 7 }, error: 'Error: no route', n: 5 }),
    ids: async (place: 'dead' | 'waiting') => (await app.deps.queueAdmin.list(place)).map(({ id }) => id),
    async startTestWorker(tasks: WorkerOptions<undefined>['tasks']): Promise<Worker> {
      const prefix = app.config.redisPrefix
      const worker = startWorker({
        redis,
        prefix,
        id: 'worker-1',
        tasks,
        deps: undefined,
        log: silent,
        tickMs: 50,
        blockMs: null,
      })
      await worker.ready
      return worker
    },
  }
}

export const PATH = '/api/operators'

export const FORM = 'application/x-www-form-urlencoded'
