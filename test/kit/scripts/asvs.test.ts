// The pages about OWASP ASVS 5.0.0: each requirement of levels 1 and 2 stands there once, and what it is met by exists.
import { describe, expect, test } from 'bun:test'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Glob } from 'bun'
import manifest from '../../../package.json'

const ROOT = join(import.meta.dir, '../../..')
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8')

/** By section, how many requirements of levels 1 and 2 it has: those of level 3 have the last numbers. */
const SECTIONS = `1.1:2 1.2:9 1.3:11 1.4:3 1.5:2 2.1:3 2.2:3 2.3:4 2.4:1 3.2:2 3.3:4 3.4:6 3.5:5 3.7:2 4.1:3 4.2:1 4.3:2
4.4:4 5.1:1 5.2:3 5.3:2 5.4:3 6.1:3 6.2:12 6.3:4 6.4:4 6.5:5 6.6:3 6.8:4 7.1:3 7.2:4 7.3:2 7.4:5 7.5:2 7.6:2 8.1:2 8.2:3
8.3:1 8.4:1 9.1:3 9.2:4 10.1:2 10.2:2 10.3:4 10.4:11 10.5:5 10.6:2 10.7:3 11.1:2 11.2:3 11.3:3 11.4:4 11.5:1 11.6:1
12.1:3 12.2:2 12.3:4 13.1:1 13.2:5 13.3:2 13.4:5 14.1:2 14.2:4 14.3:3 15.1:3 15.2:3 15.3:7 16.1:1 16.2:5 16.3:4 16.4:3
16.5:3 17.1:1 17.2:4 17.3:2`
const REQUIREMENTS = SECTIONS.split(/\s+/).flatMap((section) => {
  const [name = '', count] = section.split(':')
  return Array.from({ length: Number(count) }, (_, i) => `${name}.${i + 1}`)
})

interface Row {
  page: string
  /** `6.2.1`, or `17` for all of a chapter. */
  numbers: string
  state: string
  evidence: string
}
const pages = ['src/kit', 'scripts'].flatMap((folder) =>
  [...new Glob('**/ASVS.md').scanSync(join(ROOT, folder))].map((path) => join(folder, path)),
)
const rows = pages.flatMap((page) =>
  [...read(page).matchAll(/^\| (\d[\d., ]*) \| [^|]+ \| ([^|]+) \| ([^|]*) \|$/gm)].map(
    ([, numbers = '', state = '', evidence = '']): Row => ({
      page,
      numbers,
      state,
      evidence: evidence.trim(),
    }),
  ),
)
const covered = ({ numbers }: Row) =>
  numbers.split(', ').flatMap((number) => {
    const all = REQUIREMENTS.filter((each) => each === number || each.startsWith(`${number}.`))
    return all.length > 0 ? all : [`${number} is no requirement`]
  })

test('every requirement of levels 1 and 2 stands there once, with its state', () => {
  const listed = rows.flatMap(covered)
  expect(listed.filter((each, i) => listed.indexOf(each) !== i)).toEqual([])
  expect(listed.toSorted()).toEqual(REQUIREMENTS.toSorted())
  const states = ['met', 'not met', 'yours', 'n/a']
  expect(rows.filter(({ state }) => !states.includes(state))).toEqual([])
  expect(rows.filter(({ evidence }) => evidence === '')).toEqual([])
})

// A fork has tests and files of its own, and none of a module that it has removed.
const isWhole = manifest.name === 'restbun' && !Object.hasOwn(manifest, 'restbun')

describe.skipIf(!isWhole)('what is met', () => {
  const tests = [...new Glob('test/**/*.test.ts').scanSync(ROOT)].map(read).join('\n')
  const isTest = (name: string) =>
    [`'${name}'`, `"${name}"`, `\`${name}\``].some((each) => tests.includes(each))
  const testsOf = ({ evidence }: Row) => [...evidence.matchAll(/"([^"]+)"/g)].map(([, name = '']) => name)
  const filesOf = ({ evidence }: Row) =>
    [...evidence.matchAll(/`([\w.-]+\/[\w./-]+)`/g)].map(([, path = '']) => path)
  const linksOf = ({ evidence }: Row) => [...evidence.matchAll(/\]\(([^)]+)\)/g)]

  test('names tests that exist', () => {
    const missing = rows.flatMap((row) => testsOf(row).filter((name) => !isTest(name)))
    expect(missing).toEqual([])
  })

  test('names files that exist', () => {
    const at = ['', 'src', 'src/kit']
    const missing = rows.flatMap((row) =>
      filesOf(row).filter((path) => !at.some((folder) => existsSync(join(ROOT, folder, path)))),
    )
    expect(missing).toEqual([])
  })

  test('is shown by one of them, or written down where a link leads', () => {
    const shown = (row: Row) => [testsOf(row), filesOf(row), linksOf(row)].some((found) => found.length > 0)
    expect(rows.filter((row) => row.state === 'met' && !shown(row))).toEqual([])
  })
})
