// The status of jobs in another product: its roles are those that are handed in.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { jobStatus } from '../../../src/kit/job-status/routes.ts'
import { Client } from '../support/client.ts'
import { openZoo, requireRole } from '../support/zoo.ts'

let opened: Awaited<ReturnType<typeof openZoo>>
beforeAll(async () => {
  opened = await openZoo((app) => void app.route('/jobs', jobStatus({ requireRole, role: 'guest' })))
})
afterAll(() => opened.close())

test('a job is for the account that enqueued it', async () => {
  const guest = await opened.enter('guest')
  expect((await guest.get('/jobs/none')).status).toBe(404)
  expect((await new Client(opened.url).get('/jobs/none')).status).toBe(401)
})

test('a role of another product is no type of this one', () => {
  // @ts-expect-error the sample's role
  jobStatus({ requireRole, role: 'readonly' })
})
