// The header of all pages: it leads to what is mounted and open to the reader, and to nothing else.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { describeRoutes } from '../../../src/kit/http/doc.ts'
import type { Client } from '../support/client.ts'
import { DOOR, ENTER } from '../product/door.tsx'
import { startApp, type TestApp } from '../support/harness.ts'

let app: TestApp
beforeAll(async () => {
  app = await startApp()
})
afterAll(() => app.close())

const HTML = { Accept: 'text/html' }

/** What the header of a page leads to: `API /api/list`, the current one with `*`. */
async function linksOf(client: Client, path: string): Promise<string[]> {
  const { text } = await client.get(path, HTML)
  const header = /<header class="site">.*?<\/header>/s.exec(text)?.[0] ?? ''
  const links = header.matchAll(
    /<a href="([^"]*)"( aria-current="\w+")?>([^<]*)<|action="([^"]*)"><button class="plain">([^<]*)</g,
  )
  return [...links].map(
    ([, href, current, label, action, button]) =>
      `${label ?? button} ${href ?? action}${current ? ' *' : ''}`,
  )
}

const declared = () => describeRoutes(app.app).filter(({ doc }) => doc?.link !== undefined)

test('it leads a reader to each page that is open to the role, and nobody else there', async () => {
  const { roles } = app.deps
  for (const role of roles.admitted) {
    const member = await app.member(role)
    const open = declared().filter(
      ({ doc, role: least }) =>
        doc?.linkFor !== 'visitors' && (least === undefined || roles.atLeast(role, least as typeof role)),
    )
    const expected = open.map(({ doc, path }) => `${doc?.link} ${path}${path === '/api/list' ? ' *' : ''}`)
    expect(await linksOf(member, '/api/list')).toEqual(expected)
    expect(expected).toContain(`Leave ${DOOR}/leave`)
  }
})

test('it offers a visitor to enter, and to come back to the page', async () => {
  const links = await linksOf(app.visitor(), '/apitest/mails')
  expect(links).toContain(`Enter ${ENTER}?next=%2Fapitest%2Fmails`)
  expect(links.filter((link) => link.startsWith('Leave'))).toEqual([])
  expect(await linksOf(app.visitor(), ENTER)).toContain(`Enter ${ENTER} *`)
})

test('every page has it, with its link marked, or that of the page above it', async () => {
  const owner = await app.member('owner')
  const pages = describeRoutes(app.app).filter(
    ({ method, path, doc }) => method === 'GET' && doc?.response === 'text/html' && !path.includes(':'),
  )
  expect(pages.length).toBeGreaterThan(4)
  const isAbove = (one: string, path: string) => one !== '/' && path.startsWith(`${one}/`)
  for (const { path, doc } of pages) {
    const marked = (await linksOf(owner, path)).filter((link) => link.endsWith(' *'))
    const own = doc?.link === undefined ? pages.find((page) => isAbove(page.path, path)) : { path, doc }
    const isShown = own?.doc?.link !== undefined && own.doc.linkFor !== 'visitors'
    expect([path, marked]).toEqual([path, isShown ? [`${own.doc?.link} ${own.path} *`] : []])
  }
})

test('what is not mounted has no link', async () => {
  const production = await startApp({ NODE_ENV: 'production', API_LIST: 'off' })
  try {
    const links = await linksOf(production.visitor(), '/examplehtml')
    expect(links.join()).not.toMatch(/Mails|API/)
  } finally {
    await production.close()
  }
})
