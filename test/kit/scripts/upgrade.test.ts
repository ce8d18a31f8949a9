// `npm run upgrade`, part by part and as a whole: what it takes, what it merges, what it leaves, what it refuses.
// That a project is green after it, and its data there, test/slow/upgrade.test.ts says.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import postgres from 'postgres'
import { dependencies, devDependencies, version } from '../../../package.json'
import lock from '../../../package-lock.json'
import { madeFrom } from '../../../scripts/kit-checksums.ts'
import { isKit } from '../../../scripts/kit-folders.ts'
import { findLockfileFaults } from '../../../scripts/lockfile.ts'
import { migrate } from '../../../scripts/migrate.ts'
import { packRelease } from '../../../scripts/release/pack.ts'
import { carryOut, type Change } from '../../../scripts/upgrade/change.ts'
import { mergeKeys } from '../../../scripts/upgrade/merge-keys.ts'
import { notesBetween, notesOf, securityNotes } from '../../../scripts/upgrade/notes.ts'
import { planFiles } from '../../../scripts/upgrade/plan-files.ts'
import { planMigrations } from '../../../scripts/upgrade/plan-migrations.ts'
import { type Checkout, copyCheckout } from '../support/checkout.ts'
import { startRegistry } from '../support/registry.ts'
import { createEmptyDatabase } from '../support/services.ts'

const folder = mkdtempSync(join(tmpdir(), 'upgrade-test-'))
afterAll(() => rmSync(folder, { recursive: true }))

describe('JSON is merged by keys', () => {
  const base = { a: 1, list: [1], deep: { kept: 1, gone: 1, changed: 1 } }

  test('what one side changed, added or deleted is taken', () => {
    const ours = { a: 1, list: [1], mine: true, deep: { kept: 1, gone: 1, changed: 2 } }
    const theirs = { a: 3, list: [1, 2], deep: { kept: 1, changed: 1, other: 'new' } }
    expect(mergeKeys(base, ours, theirs)).toEqual({
      merged: { a: 3, list: [1, 2], mine: true, deep: { kept: 1, changed: 2, other: 'new' } },
      conflicts: [],
    })
  })

  test('what both changed stays ours and is named, and one change made twice is none', () => {
    const ours = { a: 2, list: [1, 3], deep: { kept: 1, changed: 5 } }
    const theirs = { a: 3, list: [1, 2], deep: { kept: 1, gone: 2, changed: 5 } }
    expect(mergeKeys(base, ours, theirs)).toEqual({
      merged: { a: 2, list: [1, 3], deep: { kept: 1, changed: 5 } },
      conflicts: ['a', 'list', 'deep.gone'],
    })
  })
})

describe('the pages of a release', () => {
  const page = `# Page\n\nHead.\n\n## Unreleased\n\nSoon.\n\n## 0.3.0\n\nThree.\n\n### Part\n\n## 0.2.0 (2026-12-01)\n
- Security: a session
  outlived its account.
- Another line.
- Security: more.\n\n## 0.1.0\n\nOne.\n`

  test('what is said of the versions in between is shown, the newest first', () => {
    expect(notesBetween(page, '0.1.0', '0.3.0').match(/^#+ .*/gm)).toEqual([
      '## 0.3.0',
      '### Part',
      '## 0.2.0 (2026-12-01)',
    ])
    expect(notesBetween(page, '0.2.0', '0.2.9')).toBe('')
    expect([notesOf(page, '0.1.0'), notesOf(page, '0.4.0')]).toEqual(['## 0.1.0\n\nOne.', undefined])
  })

  test('security notes are those lines of the changelog that say so', () => {
    expect(securityNotes(page, '0.2.0')).toEqual(['a session outlived its account.', 'more.'])
    expect(securityNotes(page, '0.3.0')).toEqual([])
  })
})

type Files = Record<string, string>

/** Writes a small project: as it is, as the old release has it, and as the new one has it. */
function sides(root: Files, base: Files, newer: Files) {
  const place = mkdtempSync(join(folder, 'sides-'))
  for (const [side, files] of Object.entries({ root, base, newer })) {
    mkdirSync(join(place, side))
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(place, side, path)), { recursive: true })
      writeFileSync(join(place, side, path), text)
    }
  }
  Bun.spawnSync(['git', 'init', '--quiet'], { cwd: join(place, 'root') })
  Bun.spawnSync(['git', 'add', '--all'], { cwd: join(place, 'root') })
  return { root: join(place, 'root'), base: join(place, 'base'), newer: join(place, 'newer') }
}

const outcome = (changes: Change[]) => Object.fromEntries(changes.map(({ path, what }) => [path, what]))

describe('files', () => {
  test('where nothing of yours changed upstream nothing of yours is touched', () => {
    const mine = { 'src/app.ts': 'mine', 'src/own/x.ts': '1', 'README.md': 'mine' }
    const theirs = {
      'src/app.ts': 'theirs',
      'README.md': 'theirs',
      'src/films/routes.ts': 'deleted in mine',
    }
    const kit = { 'src/kit/a.ts': 'old', 'scripts/gone.ts': 'x', 'scripts/own/import.ts': 'mine' }
    const all = sides({ ...mine, ...kit }, theirs, {
      ...theirs,
      'src/kit/a.ts': 'new',
      'test/kit/b.ts': 'new',
    })
    const changes = planFiles(all)
    expect(outcome(changes)).toEqual({
      'src/kit/a.ts': 'kit',
      'scripts/gone.ts': 'kit',
      'test/kit/b.ts': 'kit',
    })
    carryOut(all.root, changes)
    const read = (path: string) => readFileSync(join(all.root, path), 'utf8')
    expect([read('src/kit/a.ts'), read('test/kit/b.ts'), read('scripts/own/import.ts')]).toEqual([
      'new',
      'new',
      'mine',
    ])
    expect(existsSync(join(all.root, 'scripts/gone.ts'))).toBe(false)
    expect(planFiles(all)).toEqual([])
  })

  test('each case of what both sides did to a file has its outcome', () => {
    const cases: Record<
      string,
      [mine: string | undefined, before: string | undefined, after: string | undefined, string]
    > = {
      'taken.ts': ['1', '1', '2', 'taken'],
      'new.ts': [undefined, undefined, '1', 'new'],
      'deleted.ts': ['1', '1', undefined, 'deleted'],
      'merged.ts': ['1\n2\n3\n4\nmine\n', '1\n2\n3\n4\n5\n', 'theirs\n2\n3\n4\n5\n', 'merged'],
      'conflict.ts': ['mine\n', '1\n', 'theirs\n', 'conflict'],
      'both-new.ts': ['mine\n', undefined, 'theirs\n', 'conflict'],
      'binary.png': ['\0mine', '\0', '\0theirs', 'conflict'],
      'deleted-by-you.ts': [undefined, '1', '2', 'kept'],
      'deleted-by-them.ts': ['2', '1', undefined, 'kept'],
      'same.ts': ['2', '1', '2', 'untouched'],
      'package-lock.json': ['mine', '1', 'theirs', 'taken'],
      '.env.example': ['mine', '1', 'theirs', 'untouched'],
    }
    const side = (i: 0 | 1 | 2) =>
      Object.fromEntries(
        Object.entries(cases).flatMap(([path, texts]) => (texts[i] === undefined ? [] : [[path, texts[i]]])),
      )
    const all = sides(side(0), side(1), side(2))
    const changes = planFiles(all)
    const expected = Object.entries(cases).map(([path, { 3: what }]) => [path, what])
    expect(outcome(changes)).toEqual(Object.fromEntries(expected.filter(([, what]) => what !== 'untouched')))

    carryOut(all.root, changes)
    const read = (path: string) => readFileSync(join(all.root, path), 'utf8')
    expect(read('merged.ts')).toBe('theirs\n2\n3\n4\nmine\n')
    expect(read('conflict.ts')).toBe('<<<<<<< yours\nmine\n=======\ntheirs\n>>>>>>> the new release\n')
    expect([read('deleted-by-them.ts'), read('binary.png')]).toEqual(['2', '\0mine'])
    expect(existsSync(join(all.root, 'deleted.ts'))).toBe(false)
  })

  test('a script that comes can be executed', () => {
    const all = sides({}, {}, { 'tool.sh': '#!/bin/sh\n' })
    Bun.spawnSync(['chmod', '755', join(all.newer, 'tool.sh')])
    carryOut(all.root, planFiles(all))
    expect(statSync(join(all.root, 'tool.sh')).mode & 0o111).toBe(0o111)
  })
})

describe('migrations', () => {
  const journal = (...tags: string[]) => ({
    version: '7',
    dialect: 'postgresql',
    entries: tags.map((tag, idx) => ({
      idx: Number(tag.slice(0, 4)),
      version: '7',
      when: 1000 + idx,
      tag,
      breakpoints: true,
    })),
  })
  const drizzle = (tables: object[], ...tags: string[]): Files =>
    Object.fromEntries([
      ['drizzle/meta/_journal.json', JSON.stringify(journal(...tags))],
      ...tags.flatMap((tag, i) => [
        [`drizzle/${tag}.sql`, `-- ${tag}`],
        [
          `drizzle/meta/${tag.slice(0, 4)}_snapshot.json`,
          JSON.stringify({ id: `id-${tag}`, prevId: `before-${tag}`, tables: tables[i] }),
        ],
      ]),
    ])

  test('those of the release come behind yours, each with the tables as they are after it', () => {
    const all = sides(
      drizzle([{ users: 1 }, { users: 1, books: 1 }], '0000_users', '0001_books'),
      drizzle([{ users: 1 }], '0000_users'),
      drizzle([{ users: 1 }, { users: 2 }, { users: 2, log: 1 }], '0000_users', '0001_phone', '0002_log'),
    )
    carryOut(all.root, planMigrations(all, 500))
    const read = (path: string) => readFileSync(join(all.root, 'drizzle', path), 'utf8')
    const json = (path: string) => JSON.parse(read(path)) as { id: string; prevId: string; tables: object }
    expect([read('0002_phone.sql'), read('0003_log.sql')]).toEqual(['-- 0001_phone', '-- 0002_log'])
    const [second, third] = [json('meta/0002_snapshot.json'), json('meta/0003_snapshot.json')]
    expect(second).toMatchObject({ prevId: 'id-0001_books', tables: { users: 2, books: 1 } })
    expect(third).toMatchObject({ prevId: second.id, tables: { users: 2, books: 1, log: 1 } })
    const { entries } = JSON.parse(read('meta/_journal.json')) as ReturnType<typeof journal>
    expect(entries.map(({ idx, tag }) => [idx, tag])).toEqual([
      [0, '0000_users'],
      [1, '0001_books'],
      [2, '0002_phone'],
      [3, '0003_log'],
    ])
    const times = entries.map(({ when }) => when)
    expect(times).toEqual([...new Set(times)].toSorted((one, other) => one - other)) // else one would be passed over
  })

  test('a release without one changes nothing, and a column that both made is named', () => {
    const [base, newer] = [
      drizzle([{}], '0000_users'),
      drizzle([{}, { phone: 'text' }], '0000_users', '0001_phone'),
    ]
    expect(planMigrations(sides(base, base, base))).toEqual([])
    const mine = drizzle([{}, { phone: 'integer' }], '0000_users', '0001_mine')
    const [sql] = planMigrations(sides(mine, base, newer))
    expect(sql).toMatchObject({
      path: 'drizzle/0002_phone.sql',
      what: 'conflict',
      why: expect.stringContaining('tables.phone'),
    })
  })

  test('after those of a release `generate` finds nothing to do, and a database that has yours gets them', async () => {
    const [base, newer, fork] = [copyCheckout(), copyCheckout(), copyCheckout()]
    const database = await createEmptyDatabase()
    try {
      const table = 'src/kit/jobs/outbox/table.ts'
      edit(newer, table, (text) =>
        text.replace('  job: ', "  origin: bigserial({ mode: 'bigint' }),\n  job: "),
      )
      expect(await newer.run('generate', ['--name', 'origin'])).toMatchObject({ code: 0 })

      expect(await fork.run('new', ['theremin', 'title:string'])).toMatchObject({ code: 0 })
      const folder = join(fork.root, 'drizzle')
      await migrate(database.url, { folder })
      writeFileSync(join(fork.root, table), newer.read(table))
      carryOut(fork.root, planMigrations({ root: fork.root, base: base.root, newer: newer.root }))
      const { code, said } = await fork.run('generate', ['--name', 'nothing'])
      expect([code, said]).toEqual([0, expect.stringContaining('nothing that drizzle/ lacks')])
      expect(await migrate(database.url, { folder })).toBe(1)
      const sql = postgres(database.url, { max: 1 })
      expect(await sql`select origin, title from outbox cross join theremins`).toHaveLength(0)
      await sql.end()
    } finally {
      for (const checkout of [base, newer, fork]) checkout.remove()
      await database.drop()
    }
  })
})

// A project makes no releases of the kit.
describe.skipIf(madeFrom(join(import.meta.dir, '../../..')) !== undefined)('the command', () => {
  let registry: ReturnType<typeof startRegistry>
  let project: Checkout
  let old: string
  let newer: string
  const [theirs = '', mine = ''] = findTransitive()
  const env = () => ({ npm_config_registry: registry.url, npm_config_cache: join(folder, 'npm') })
  const upgrade = (...args: string[]) => project.run('upgrade', args, env())
  const undo = () => {
    project.git('reset', '--quiet', '--hard', 'made')
    project.git('clean', '--quiet', '-fd')
  }

  beforeAll(async () => {
    const kit = copyCheckout()
    old = await packRelease(kit.root, folder)
    setVersion(kit, '99.0.0')
    edit(kit, 'src/kit/system/health.ts', (text) => `${text}// A newer kit.\n`)
    edit(kit, 'src/crons.ts', (text) => text.replace('// ', '// Newer. '))
    edit(kit, 'UPGRADING.md', (text) => `${text}\n## 99.0.0\n\nMind the crons.\n`)
    edit(kit, 'CHANGELOG.md', (text) => `${text}\n## 99.0.0\n\n- Security: the door stood open.\n`)
    addPackage(kit, theirs)
    kit.commit('99.0.0')
    newer = await packRelease(kit.root, folder)
    kit.remove()
    registry = startRegistry(old, newer)

    project = copyCheckout()
    expect(await project.run('create/make', ['film-club'])).toMatchObject({ code: 0 })
    project.commit('a project')
    project.git('tag', 'made')
  })
  beforeEach(undo)
  afterAll(async () => {
    project.remove()
    await registry.stop()
  })

  test('a dry run says what would change and what UPGRADING.md says, and changes nothing', async () => {
    const { code, out } = await upgrade('--dry-run')
    expect([code, project.changes()]).toEqual([0, ''])
    expect(out).toContain(`From ${version} to 99.0.0`)
    expect(out).toMatch(/taken +src\/crons\.ts/)
    expect(out).toContain('Mind the crons.')
    expect(out).not.toContain('health.ts') // the kit is one line
  })

  test('a place that both changed is left with the markers of git and named, and git undoes all of it', async () => {
    edit(project, 'src/crons.ts', (text) => text.replace('// ', '// Mine. '))
    edit(project, 'src/kit/system/favicon.ts', (text) => `${text}// Edited.\n`)
    addPackage(project, mine)
    project.commit('a change of its own')
    const { code, said } = await upgrade('--from', newer, '--base', old)
    expect(code).toBe(1)
    expect(said).toMatch(/conflict +src\/crons\.ts/)
    expect(said).toContain('git diff HEAD -- src/kit/system/favicon.ts')
    expect(project.read('src/crons.ts')).toContain('<<<<<<< yours')
    expect(project.read('src/kit/system/health.ts')).toContain('A newer kit.')
    const touched = project
      .changes()
      .split('\n')
      .map((line) => line.slice(3))
    expect(touched.filter((path) => !isKit(path))).toEqual([
      'package-lock.json',
      'package.json',
      'src/crons.ts',
    ])
    expect(JSON.parse(project.read('package.json')).dependencies).toMatchObject({
      [theirs]: expect.any(String),
      [mine]: expect.any(String),
    })
    expect(findLockfileFaults(project.root)).toEqual([])
    project.git('reset', '--quiet', '--hard')
    project.git('clean', '--quiet', '-fd') // as the command says
    expect(project.changes()).toBe('')
  })

  test.each([
    [['--to', '98.0.0'], 1, 'The package registry has no create-restbun@98.0.0'],
    [['--from', '/nowhere.tgz'], 1, 'There is no file /nowhere.tgz'],
    [['--from', join(import.meta.dir, 'upgrade.test.ts')], 1, 'is no release'],
    [['--to', version], 0, 'no later one: nothing to do'],
    [['--to', '99.0.0', '--from', 'x.tgz'], 2, 'Either --to or --from'],
  ])('%p ends with %p: %s', async (args, code, said) => {
    expect(await upgrade(...args)).toMatchObject({ code, said: expect.stringContaining(said) })
    expect(project.changes()).toBe('')
  })

  test('what is not committed is in the way, and so is a project that does not say what it stands on', async () => {
    writeFileSync(join(project.root, 'src/new.ts'), '')
    expect(await upgrade()).toMatchObject({ code: 1, err: expect.stringContaining('src/new.ts') })
    undo()
    project.git('rm', '--quiet', 'scripts/kit.sha256')
    project.commit('cloned')
    expect(await upgrade()).toMatchObject({ code: 1, err: expect.stringContaining('--base') })
  })

  test('the doctor names edited files of the kit, and security notes of later releases', async () => {
    const finds = async (more: Record<string, string> = {}) => {
      const script = `console.log(JSON.stringify(await (await import('${project.root}/scripts/doctor/kit.ts')).checkKit()))`
      const child = Bun.spawn([process.execPath, '-e', script], {
        env: { ...process.env, ...env(), ...more },
      })
      return JSON.parse(await child.stdout.text()) as object
    }
    expect(await finds()).toEqual([
      { check: 'kit', level: 'ok', found: `${version}, as it came` },
      expect.objectContaining({
        check: 'security notes',
        level: 'warn',
        found: 'the door stood open. (mended in 99.0.0)',
      }),
    ])
    edit(project, 'src/kit/system/favicon.ts', (text) => `${text}// Edited.\n`)
    writeFileSync(join(project.root, 'src/kit/added.ts'), '')
    expect(
      await finds({ npm_config_registry: 'http://127.0.0.1:9', npm_config_cache: join(folder, 'none') }),
    ).toEqual([
      expect.objectContaining({
        level: 'warn',
        found: `${version}, edited in src/kit/added.ts, src/kit/system/favicon.ts`,
      }),
      expect.objectContaining({ level: 'warn', found: expect.stringContaining('was not reached') }),
    ])
  })
})

function edit({ root, read }: Checkout, path: string, change: (text: string) => string): void {
  const text = read(path)
  expect(change(text)).not.toBe(text)
  writeFileSync(join(root, path), change(text))
}

/** Packages that others bring: no network is needed to depend on them. */
function findTransitive(): string[] {
  const direct = { ...dependencies, ...devDependencies }
  return Object.keys(lock.packages).flatMap((path) => {
    const name = path.replace('node_modules/', '')
    return /^[a-z-]+$/.test(name) && !Object.hasOwn(direct, name) ? name : []
  })
}

/** As `npm install --save-exact` would. */
function addPackage(checkout: Checkout, name: string): void {
  const { version: locked } =
    (lock.packages as Record<string, { version: string }>)[`node_modules/${name}`] ?? {}
  for (const path of ['package.json', 'package-lock.json']) {
    edit(checkout, path, (text) =>
      text.replace('"dependencies": {', `"dependencies": {\n"${name}": "${locked}",`),
    )
  }
}

function setVersion(checkout: Checkout, to: string): void {
  for (const path of ['package.json', 'package-lock.json'].filter((file) =>
    existsSync(join(checkout.root, file)),
  )) {
    edit(checkout, path, (text) => text.replace(`"version": "${version}"`, `"version": "${to}"`))
  }
}
