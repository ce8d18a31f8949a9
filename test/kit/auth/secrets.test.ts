// What is stored encrypted: it opens for its purpose and owner alone, and keys are added, rotated and removed.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { eq, sql } from 'drizzle-orm'
import { developmentKey } from '../../../src/kit/auth/development-key.ts'
import { rotateSealed } from '../../../src/kit/auth/sealed-columns.ts'
import { createSecrets, newSecretKey } from '../../../src/kit/auth/secrets.ts'
import { createDeps } from '../../../src/kit/create-deps.ts'
import { loadSchema } from '../../../src/kit/data/tables.ts'
import type { Secrets } from '../../../src/kit/types/secrets.ts'
import { manifest } from '../product/app.ts'
import { settings } from '../product/product.ts'
import { codeOfSafe, members, safes } from '../product/table.ts'
import { startApp, type TestApp } from '../support/harness.ts'

const [OLD, NEW, OTHER] = [newSecretKey(), newSecretKey(), newSecretKey()]
const ANN = crypto.randomUUID()

describe('a sealed text', () => {
  const secrets = createSecrets([OLD])
  let sealed: string
  beforeAll(async () => {
    sealed = await secrets.seal('safe', ANN, 'seven to the left')
  })

  test('opens for its purpose and owner', async () => {
    expect(await secrets.open('safe', ANN, sealed)).toBe('seven to the left')
    expect(await secrets.open('safe', ANN, await secrets.seal('safe', ANN, ''))).toBe('')
    expect(await secrets.open('safe', ANN, await secrets.seal('safe', ANN, 'Ünal 🐼\n'.repeat(9)))).toBe(
      'Ünal 🐼\n'.repeat(9),
    )
  })

  test('is another one each time, and shows nothing of the text', async () => {
    expect(await secrets.seal('safe', ANN, 'seven to the left')).not.toBe(sealed)
    expect(sealed).not.toContain('seven')
    expect(sealed).not.toContain(OLD)
  })

  test.each([
    ['another purpose', (each: Secrets) => each.open('door', ANN, sealed)],
    ['another owner', (each: Secrets) => each.open('safe', crypto.randomUUID(), sealed)],
    ['the two shifted against each other', (each: Secrets) => each.open('saf', `e${ANN}`, sealed)],
  ])('does not open for %s', async (_, open) => {
    await expect(open(secrets)).rejects.toThrow(/sealed for another purpose or owner/)
  })

  test('does not open if a bit of it is flipped, whichever, or a piece is missing', async () => {
    const [id = '', packed = ''] = sealed.split('.')
    const bytes = Buffer.from(packed, 'base64url')
    for (const at of bytes.keys()) {
      const flipped = Buffer.from(bytes)
      flipped.writeUInt8(flipped.readUInt8(at) ^ (1 << (at % 8)), at)
      await expect(secrets.open('safe', ANN, `${id}.${flipped.toString('base64url')}`)).rejects.toThrow(
        'was changed',
      )
    }
    await expect(secrets.open('safe', ANN, sealed.slice(0, -4))).rejects.toThrow('was changed')
  })

  test.each(['', 'plain', 'abcdefgh.', '12345678.seven', `${'x'.repeat(8)}.${'!'.repeat(60)}`])(
    'is not what stands there in plain: %p',
    async (text) => {
      await expect(secrets.open('safe', ANN, text)).rejects.toThrow('safe: this is no sealed text')
    },
  )

  test('names the id of a key that is not there, and never a key', async () => {
    const [id = ''] = sealed.split('.')
    const error = await createSecrets([NEW, OTHER])
      .open('safe', ANN, sealed)
      .catch((thrown: unknown) => thrown)
    expect(String(error)).toContain(`sealed with the key ${id}, which SECRET_KEYS lacks`)
    expect(Bun.inspect(error)).not.toContain(NEW)
  })

  test('is sealed with the first key, and opened with any', async () => {
    const both = createSecrets([NEW, OLD])
    expect(await both.open('safe', ANN, sealed)).toBe('seven to the left')
    const fresh = await both.seal('safe', ANN, 'a new one')
    expect(fresh).toStartWith(await createSecrets([NEW]).prefix())
    await expect(secrets.open('safe', ANN, fresh)).rejects.toThrow('SECRET_KEYS lacks')
  })
})

describe('the keys', () => {
  const SERVICES = {
    DATABASE_URL: 'postgres://none',
    REDIS_URL: 'redis://none',
    APP_URL: 'https://a.example',
  }
  const load = (SECRET_KEYS: string) => settings.load({ ...SERVICES, SECRET_KEYS })
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'secret-key-'))
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  test('are read from a list, and printed masked', () => {
    expect(load(`${NEW}, ${OLD}`).secretKeys).toEqual([NEW, OLD])
    expect(settings.print(load(NEW))).toMatchObject({ secretKeys: '***' })
    expect(settings.print(settings.load(SERVICES))).not.toHaveProperty('secretKeys')
  })

  test.each(['short', `${NEW}x`, `${NEW};${OLD}`, `${NEW},no/base64url`])(
    'are refused at the start, and not shown: %s',
    (text) => {
      expect(() => load(text)).toThrow(/SECRET_KEYS must be keys of 32 random bytes[^]*secrets -- key/)
      expect(() => load(text)).not.toThrow(text)
    },
  )

  test('are missed in production where a feature needs them, with what to do', async () => {
    const config = settings.load({ ...SERVICES, NODE_ENV: 'production' })
    const { deps, close } = createDeps({ ...config, log: { ...config.log, level: 'silent' } }, manifest)
    const toDo = /^SECRET_KEYS is not set, and second factors[^]*npm run secrets -- key/
    expect(() => deps.secrets.requireKeys('second factors')).toThrow(toDo)
    await expect(deps.secrets.seal('safe', ANN, 'x')).rejects.toThrow('SECRET_KEYS is not set')
    await close()
    expect(() => createSecrets([NEW]).requireKeys('second factors')).not.toThrow()
  })

  test('are one in development, of its own, for its owner only, the same for all that start at once', async () => {
    const dataDir = join(folder, 'deep/data')
    const made = await Promise.all(Array.from({ length: 20 }, () => developmentKey(dataDir)))
    expect(new Set(made).size).toBe(1)
    expect(readdirSync(dataDir)).toEqual(['secret-key'])
    expect(statSync(join(dataDir, 'secret-key')).mode & 0o777).toBe(0o600)
    const secrets = createSecrets(() => developmentKey(dataDir))
    expect(await secrets.open('safe', ANN, await secrets.seal('safe', ANN, 'x'))).toBe('x')
    secrets.requireKeys('second factors')
  })

  test('are not made before they are needed, and a file that holds none is told', async () => {
    const config = settings.load({ ...SERVICES, DATA_DIR: join(folder, 'data'), LOG_LEVEL: 'silent' })
    const { deps, close } = createDeps(config, manifest)
    expect(existsSync(join(folder, 'data'))).toBe(false)
    await deps.secrets.seal('safe', ANN, 'x')
    expect(existsSync(join(folder, 'data/secret-key'))).toBe(true)
    await close()
    writeFileSync(join(folder, 'data/secret-key'), 'scribbled over')
    const again = createDeps(config, manifest)
    await expect(again.deps.secrets.seal('safe', ANN, 'x')).rejects.toThrow('secret-key holds no secret key')
    await again.close()
  })
})

describe('rotation', () => {
  const OWNERS = 450 // more than two pages
  let app: TestApp
  let schema: Record<string, unknown>
  const old = createSecrets([OLD])
  const both = createSecrets([NEW, OLD])
  const rotate = (secrets: Secrets) => rotateSealed({ db: app.deps.db, secrets }, schema)
  const rows = () => app.deps.db.select().from(safes).orderBy(safes.member)

  beforeAll(async () => {
    app = await startApp()
    schema = await loadSchema(join(import.meta.dir, '../product'))
  })
  afterAll(() => app.close())
  beforeEach(async () => {
    const { db } = app.deps
    await db.execute(sql`truncate members cascade`)
    const people = Array.from({ length: OWNERS }, (_, i) => ({ email: `m${i}@example.com`, secret: '' }))
    const added = await db.insert(members).values(people).returning({ id: members.id })
    const filled = added.map(async ({ id }, i) => ({
      member: id,
      code: i === 0 ? null : await codeOfSafe.seal(old, id, `code of ${id}`),
    }))
    await db.insert(safes).values(await Promise.all(filled))
  })

  test('finds the column, encrypts all anew with the first key, and then the old one can go', async () => {
    expect(await rotate(both)).toEqual([{ name: 'safes.code', rotated: OWNERS - 1, left: 0, why: undefined }])
    const alone = createSecrets([NEW])
    for (const { member, code } of await rows()) {
      if (code !== null) expect(await codeOfSafe.open(alone, member, code)).toBe(`code of ${member}`)
    }
    expect((await rows()).filter(({ code }) => code === null)).toHaveLength(1)
    expect(await rotate(alone)).toMatchObject([{ rotated: 0, left: 0 }])
  })

  test('leaves what does not open, goes on with the rest, and says why', async () => {
    const [first, second, third] = (await rows()).filter(({ code }) => code !== null)
    const put = (member = '', code: string) =>
      app.deps.db.execute(sql`update safes set code = ${code} where member = ${member}`)
    await put(first?.member, await createSecrets([OTHER]).seal('safe', first?.member ?? '', 'x'))
    await put(second?.member, third?.code ?? '') // another member's
    expect(await rotate(both)).toEqual([
      {
        name: 'safes.code',
        rotated: OWNERS - 3,
        left: 2,
        why: expect.stringMatching(/SECRET_KEYS lacks|another purpose or owner/),
      },
    ])
  })

  test('overwrites nothing that the service writes meanwhile', async () => {
    const [target] = (await rows()).filter(({ code }) => code !== null)
    const { member = '' } = target ?? {}
    // The moment between the read and the write of this row.
    const racing: Secrets = {
      ...both,
      async open(purpose, owner, sealed) {
        const text = await both.open(purpose, owner, sealed)
        if (owner !== member) return text
        const code = await codeOfSafe.seal(old, member, 'changed meanwhile')
        await app.deps.db.update(safes).set({ code }).where(eq(safes.member, member))
        return text
      },
    }
    expect(await rotate(racing)).toMatchObject([{ rotated: OWNERS - 2, left: 1, why: undefined }])
    expect(await rotate(both)).toMatchObject([{ rotated: 1, left: 0 }])
    const [now] = await app.deps.db.select().from(safes).where(eq(safes.member, member))
    expect(now?.code && (await codeOfSafe.open(createSecrets([NEW]), member, now.code))).toBe(
      'changed meanwhile',
    )
  })

  test('two at once do the work once', async () => {
    const [one, two] = (await Promise.all([rotate(both), rotate(both)])).flat()
    expect((one?.rotated ?? 0) + (two?.rotated ?? 0)).toBe(OWNERS - 1)
    expect([one?.left, one?.why, two?.why]).toEqual([0, undefined, undefined])
  })

  test('a plain text does not compile in a sealed column', () => {
    // @ts-expect-error -- it has to be sealed
    expect(app.deps.db.update(safes).set({ code: 'plain' }).toSQL().params).toEqual(['plain'])
  })
})
