// Settings from files, as Docker and systemd hand out secrets: each can come so, and none is shown.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { setting } from '../../../src/kit/config/setting.ts'
import { defineSettings } from '../../../src/kit/config/settings.ts'
import { ConfigError } from '../../../src/kit/types/config-error.ts'
import { loadConfig, settings } from '../product/product.ts'
import { createEmptyDatabase } from '../support/services.ts'

const URLS = { DATABASE_URL: 'postgres://u@db/x', REDIS_URL: 'redis://cache' }
const ROOT = join(import.meta.dir, '../../..')

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'restbun-settings-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

function fileOf(content: string): string {
  const path = join(folder, crypto.randomUUID())
  writeFileSync(path, content)
  return path
}

function faultsOf(env: Record<string, string>): string[] {
  try {
    loadConfig(env)
  } catch (error) {
    if (error instanceof ConfigError) return error.message.split('\n').slice(1)
    throw error
  }
  return []
}

test('a setting comes from the file that its variable and _FILE name, without the last line break', () => {
  const url = 'postgres://u:hunter2@db/x'
  const config = loadConfig({
    DATABASE_URL_FILE: fileOf(`${url}\n`),
    REDIS_URL_FILE: fileOf('redis://:hunter3@cache\r\n'),
    PORT_FILE: fileOf('8200'),
    REDIS_PREFIX_FILE: fileOf('a b\n\n'),
  })
  expect(config).toMatchObject({ databaseUrl: url, redisUrl: 'redis://:hunter3@cache', port: 8200 })
  expect(config.redisPrefix).toBe('a b\n')
  const printed = settings.print(config)
  expect(printed.fromFiles).toEqual(['PORT', 'DATABASE_URL', 'REDIS_URL', 'REDIS_PREFIX'])
  expect(JSON.stringify(printed)).not.toMatch(/hunter/)
})

test('every setting that is declared may, and a file that cannot be read is named with its variable', () => {
  const variables = Object.values(settings.declared).map(({ variable }) => variable)
  const missing = Object.fromEntries(variables.map((name) => [`${name}_FILE`, `${folder}/none`]))
  expect(faultsOf(missing).toSorted()).toEqual(
    variables.map((name) => `  ${name}_FILE=${folder}/none cannot be read: ENOENT`).toSorted(),
  )
  expect(faultsOf({ ...URLS, SECRET_KEYS_FILE: folder })).toEqual([
    `  SECRET_KEYS_FILE=${folder} cannot be read: EISDIR`,
  ])
})

test('a variable beside its file is refused: which of them counts nobody should have to know', () => {
  expect(faultsOf({ ...URLS, DATABASE_URL_FILE: fileOf('postgres://hunter2@db/x') })).toEqual([
    '  DATABASE_URL_FILE is set beside DATABASE_URL: leave one of them out',
  ])
})

test('what a file holds is checked as any value is, and shown no more', () => {
  const [fault = '', ...more] = faultsOf({ ...URLS, SECRET_KEYS_FILE: fileOf('hunter2') })
  expect([fault, more]).toEqual([expect.stringContaining('  SECRET_KEYS must be keys'), []])
  expect(fault).not.toContain('hunter2')
})

test('an empty file, and an empty path, count as unset', () => {
  const config = loadConfig({ ...URLS, SMTP_URL_FILE: fileOf('\n'), PORT_FILE: '' })
  expect([config.mail.smtpUrl, config.port]).toEqual([undefined, 8100])
})

test('settings whose own names end so are themselves, and none of yours may be the file of another', () => {
  expect(loadConfig({ ...URLS, LOG_FILE: '/none' }).log.file).toBe('/none')
  const clash = setting('DATABASE_URL_FILE', z.string(), { about: '' })
  expect(() => defineSettings({ name: 'shop', version: '1' }, { clash })).toThrow(
    'clash goes by the variable DATABASE_URL_FILE, which is taken',
  )
  const [one, two] = ['TOKEN_FILE', 'TOKEN'].map((name) => setting(name, z.string(), { about: '' }))
  expect(() => defineSettings({ name: 'shop', version: '1' }, { one, two } as never)).toThrow(
    'two goes by the variable TOKEN, which is taken',
  )
})

test('commands take them too: migrations reach a database that only a file names', async () => {
  const database = await createEmptyDatabase()
  const migrate = async (env: Record<string, string>) => {
    const child = Bun.spawn([process.execPath, '--no-env-file', 'scripts/migrate.ts'], {
      cwd: ROOT,
      env: { PATH: process.env.PATH ?? '', NODE_ENV: 'production', ...env },
      stdout: 'pipe',
      stderr: 'pipe',
    })
    return [await child.exited, (await child.stdout.text()) + (await child.stderr.text())] as const
  }
  try {
    const [code, said] = await migrate({ DATABASE_URL_FILE: fileOf(`${database.url}\n`) })
    expect([code, said]).toEqual([0, expect.stringContaining('applied')])
    const [failed, why] = await migrate({ DATABASE_URL_FILE: join(folder, 'none') })
    expect([failed, why]).toEqual([1, expect.stringContaining('DATABASE_URL_FILE=')])
  } finally {
    await database.drop()
  }
})
