// The kit's tests know nothing of yours: what a fork changes in its own files breaks none of them.
import { expect, test } from 'bun:test'
import { readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'

const ROOT = join(import.meta.dir, '../../..')
const IMPORT = /(?:from|import\()\s*'(\.[^']+)'/g

/** They run commands and entries of the project that they stand in. */
const OF_THE_PROJECT = /^test\/kit\/scripts\//

test('a test of the kit imports the kit, its own product and what the tests share', () => {
  const paths = [...new Bun.Glob('test/kit/**/*.ts').scanSync(ROOT)].toSorted()
  expect(paths.length).toBeGreaterThan(100)
  const found = paths
    .filter((path) => !OF_THE_PROJECT.test(path))
    .flatMap((path) =>
      [...readFileSync(join(ROOT, path), 'utf8').matchAll(IMPORT)]
        .map(([, target = '']) => relative(ROOT, join(ROOT, dirname(path), target)))
        .filter((target) => !/^((src\/kit|test\/kit|scripts)\/|package\.json$)/.test(target))
        .map((target) => `${path} imports ${target}`),
    )
  expect(found).toEqual([])
})
