// The pages of documentation: each link leads to a file, and each command that is shown exists.
import { expect, test } from 'bun:test'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { scripts } from '../../../package.json'

const ROOT = join(import.meta.dir, '../../..')
const pages = new TextDecoder()
  .decode(Bun.spawnSync(['git', 'ls-files', '*.md'], { cwd: ROOT }).stdout)
  .split('\n')
  .filter((path) => path !== '' && existsSync(join(ROOT, path)))

test.each(pages)('the links of %s lead to files', (page) => {
  const text = readFileSync(join(ROOT, page), 'utf8')
  const targets = [...text.matchAll(/\]\((?!https?:|#)([^)#\s]+)[^)]*\)/g)].map(([, target = '']) => target)
  expect(targets.filter((target) => !existsSync(join(ROOT, dirname(page), target)))).toEqual([])
})

/** The anchor that GitHub gives a heading. */
const anchorOf = (heading: string) =>
  heading
    .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replaceAll(' ', '-')

test.each(pages)('the links of %s lead to headings that are there', (page) => {
  const text = readFileSync(join(ROOT, page), 'utf8')
  const targets = [...text.matchAll(/\]\((?!https?:)([^)#\s]*)#([\w-]+)\)/g)]
  const missing = targets.filter(([, path = '', anchor = '']) => {
    const target = path === '' ? page : join(dirname(page), path)
    const headings = existsSync(join(ROOT, target))
      ? [...readFileSync(join(ROOT, target), 'utf8').matchAll(/^#+ (.+)$/gm)]
      : []
    return !headings.some(([, heading = '']) => anchorOf(heading) === anchor)
  })
  expect(missing.map(([link]) => link)).toEqual([])
})

// A changelog tells of what was, and the benchmarks go with the sample that they measure.
const ofToday = pages.filter((page) => !/^((CHANGELOG|UPGRADING)\.md$|scripts\/bench\/)/.test(page))
test.each(ofToday)('the npm scripts that %s shows exist', (page) => {
  const text = readFileSync(join(ROOT, page), 'utf8')
  const shown = new Set([...text.matchAll(/\bnpm run ([a-z][\w:-]*)/g)].map(([, name = '']) => name))
  expect([...shown].filter((name) => !Object.hasOwn(scripts, name))).toEqual([])
})

test('each path and each command that AGENTS.md shows is there', () => {
  const page = readFileSync(join(ROOT, 'AGENTS.md'), 'utf8')
  const shown = [...page.matchAll(/`([^`\n]+)`/g)].map(([, text = '']) => text)
  const commands = shown.flatMap((text) => /^npm (?:run )?([\w:-]+)/.exec(text)?.[1] ?? [])
  const paths = shown.filter((text) => /^[\w.][\w./-]*$/.test(text) && /[./]/.test(text))
  expect(commands.length).toBeGreaterThan(5)
  expect(paths.length).toBeGreaterThan(5)
  expect(commands.filter((name) => !Object.hasOwn(scripts, name))).toEqual([])
  expect(paths.filter((path) => !existsSync(join(ROOT, path)))).toEqual([])
})
