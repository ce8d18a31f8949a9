// What no type check covers imports nothing of this project that is gone: `npm run check` would tell.
import { expect, test } from 'bun:test'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findUnresolvedImports } from '../../../scripts/unresolved-imports.ts'

test('benchmarks and entries for other runtimes find all that they import', async () => {
  expect(await findUnresolvedImports(join(import.meta.dir, '../../..'))).toEqual([])
})

test('an export or a file that is gone is told with file and line, and a package that is not installed is not', async () => {
  const root = mkdtempSync(join(tmpdir(), 'restbun-imports-'))
  try {
    mkdirSync(join(root, 'bench/node_modules'), { recursive: true })
    writeFileSync(join(root, 'tsconfig.json'), JSON.stringify({ exclude: ['bench'] }))
    writeFileSync(join(root, 'queries.ts'), 'export const findBook = 1\n')
    const peer = join(root, 'bench/peer.ts')
    const after = (line: string) => {
      writeFileSync(peer, `import fastify from 'fastify'\n${line}\nfastify(findBook)\n`)
      return findUnresolvedImports(root)
    }
    writeFileSync(join(root, 'bench/node_modules/odd.ts'), `import './none.ts'\n`)
    expect(await after(`import { findBook } from '../queries.ts'`)).toEqual([])
    expect(await after(`import { listBooks as findBook } from '../queries.ts'`)).toEqual([
      expect.stringMatching(
        /^bench\/peer\.ts:2: No matching export in ".*queries\.ts" for import "listBooks"$/,
      ),
    ])
    expect(await after(`import { findBook } from '../gone.ts'`)).toEqual([
      expect.stringMatching(/^bench\/peer\.ts:2: Could not resolve: "\.\.\/gone\.ts"/),
    ])
  } finally {
    rmSync(root, { recursive: true })
  }
})
