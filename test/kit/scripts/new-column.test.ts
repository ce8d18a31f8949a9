// A column that is new to a table is published by nobody: its value is in no answer, list, export, event, mail or log.
import { expect, test } from 'bun:test'
import { join } from 'node:path'
import postgres from 'postgres'
import { readManifest } from '../../../scripts/manifest.ts'
import { copyCheckout } from '../support/checkout.ts'
import { createEmptyDatabase, deletePrefix, serverEnv, uniquePrefix } from '../support/services.ts'

/** It is handed out by the module that tells the status of jobs. */
const { restbun } = readManifest(join(import.meta.dir, '../../..'))
const hasExport = restbun?.removed?.includes('job-status') !== true

const SECRET = 'JBSWY3DPEHPK3PXP'

test('a secret in a new column of accounts and of every resource is told to nobody', async () => {
  const checkout = copyCheckout()
  const database = await createEmptyDatabase()
  const prefix = uniquePrefix()
  const sql = postgres(database.url, { max: 1, onnotice: () => {} })
  try {
    expect(await checkout.run('new', ['xylophone', 'title:string'])).toMatchObject({ code: 0 })
    const tables = [...new Bun.Glob('src/**/table.ts').scanSync(checkout.root)]
    for (const path of tables) {
      const column = `totp_secret: columnOfText().notNull().default('${SECRET}'),`
      const table = checkout
        .read(path)
        .replace(/^ *created: timestamp/m, (created) => `${column}\n${created}`)
      const imported = `import { text as columnOfText } from 'drizzle-orm/pg-core'`
      await Bun.write(join(checkout.root, path), `${table}\n${imported}\n`)
    }
    expect(await checkout.run('generate', ['--name', 'secrets'])).toMatchObject({ code: 0 })
    const env = serverEnv(database.url, prefix)
    expect(await checkout.run('migrate', [], env)).toMatchObject({ code: 0 })

    const child = Bun.spawn([process.execPath, join(checkout.root, 'test/kit/scripts/all-that-is-said.ts')], {
      cwd: checkout.root,
      env: { ...process.env, DATABASE_URL: database.url },
      stdout: 'pipe',
      stderr: 'pipe',
    })
    const [out, err, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited])
    const listed = await checkout.run('user', ['list'], env)
    const lines = `${out}\n${listed.said}`.split('\n')
    expect(lines.filter((line) => line.includes(SECRET))).toEqual([])
    expect({ code, err, listed: listed.code }).toEqual({ code: 0, err: '', listed: 0 })

    // It is there, and all was asked for that could tell it.
    const held =
      await sql`select 1 from users, xylophones where ${SECRET} in (users.totp_secret, xylophones.totp_secret)`
    expect(held.length).toBeGreaterThan(0)
    for (const part of [
      'POST /api/xylophones 201',
      '/api/users?search=ann 200',
      ...(hasExport ? ['"xylophones":[{', 'events: '] : []),
      'log: ',
    ])
      expect(out).toContain(part)
    expect(listed.said).toContain('person1@example.com')
  } finally {
    await sql.end()
    await database.drop()
    await deletePrefix(prefix)
    checkout.remove()
  }
})
