// /llms.txt: the API's own documents, told to programs that read text.
import { expect, test } from 'bun:test'
import { startApp } from '../support/harness.ts'

async function textOf(env: Record<string, string>) {
  const app = await startApp(env)
  try {
    const { status, text, headers } = await app.visitor().get('/llms.txt')
    const list = await app.visitor().get('/api/list')
    const links = [...text.matchAll(/\]\((\/[^)#]*)(?:#([^)]*))?\)/g)]
    const missing = []
    for (const path of new Set(links.map(([, path = '']) => path)))
      if ((await app.visitor().get(path)).status !== 200) missing.push(path)
    const anchors = links.flatMap(([, , anchor]) => (anchor === undefined ? [] : decodeURI(anchor)))
    return { status, text, type: headers.get('content-type'), missing, anchors, list: list.text }
  } finally {
    await app.close()
  }
}

test('anyone reads it; it links to what is there, and to each endpoint in the API list', async () => {
  const { status, text, type, missing, anchors, list } = await textOf({})
  expect([status, type?.toLowerCase().replace(' ', '')]).toEqual([200, 'text/plain;charset=utf-8'])
  expect(text).toMatch(/^# .+ API\n\n> .+\n/)
  expect(missing).toEqual([])
  expect(anchors).toContain('GET/llms.txt')
  expect(anchors.filter((anchor) => !list.includes(`id="${anchor}"`))).toEqual([])
})

test('it is there where the API list is', async () => {
  const production = await textOf({ NODE_ENV: 'production' })
  expect([production.status, production.missing]).toEqual([200, []])
  expect((await textOf({ API_LIST: 'off' })).status).toBe(404)
})
