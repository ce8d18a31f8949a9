// Commands: what one says of how it is called is so.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'bun:test'
import { scripts } from '../package.json'

const FOLDER = join(import.meta.dir, '../scripts')
const FILES = [...new Bun.Glob('*.{ts,mjs}').scanSync(FOLDER)].toSorted()

test('every command that is told of in a usage is in package.json', () => {
  const told = FILES.flatMap((file) =>
    [...readFileSync(join(FOLDER, file), 'utf8').matchAll(/\bnpm run ([a-z][\w:-]*)/g)].map(
      ([, name]) => name,
    ),
  )
  expect(told).toContain('doctor')
  expect(told.filter((name) => name !== undefined && !Object.hasOwn(scripts, name))).toEqual([])
})

test('every command in package.json has its file', () => {
  const run = Object.values(scripts).flatMap((line) => /run\.mjs ([\w/-]+)/.exec(line)?.[1] ?? [])
  expect(run).toContain('start')
  expect(run.filter((name) => !existsSync(join(FOLDER, `${name}.ts`)))).toEqual([])
})
