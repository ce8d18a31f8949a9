// What is served of files that mean harm, and to whom: two types in one, a drawing with a script, and files that a purpose shares.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { isAdmin } from '../src/account/roles.ts'
import type { Product } from '../src/account/product.ts'
import { fileOptions, purposes } from '../src/files/files.ts'
import type { Purposes } from '../src/kit/files/purposes.ts'
import { fileRoutes } from '../src/kit/files/routes.ts'
import type { Client } from './kit/support/client.ts'
import { startApp, type TestApp } from './support/harness.ts'
import { announcement, pdf, png, send } from './support/uploads.ts'

const room = { maxBytes: 1000, maxCount: 100, maxTotalBytes: 100_000 }
const own: Purposes<Product> = {
  ...purposes,
  picture: {
    types: ['image/svg+xml', 'image/gif', 'image/png', 'application/pdf', 'application/zip', 'text/plain'],
    ...room,
  },
  drawing: { types: ['image/svg+xml'], isPublic: true, ...room },
  evidence: { types: ['application/pdf'], mayRead: (_file, { role }) => isAdmin(role), ...room },
}

const folder = mkdtempSync(join(tmpdir(), 'restbun-files-'))
let app: TestApp
let ann: Awaited<ReturnType<TestApp['member']>>
beforeAll(async () => {
  app = await startApp({ FILES_URL: pathToFileURL(folder).href })
  app.app.route('/api/own', fileRoutes<Product>({ ...fileOptions, purposes: own }))
  ann = await app.member()
})
afterAll(async () => {
  await app.close()
  rmSync(folder, { recursive: true })
})

const bytesOf = (text: string) => Uint8Array.from(text, (c) => c.charCodeAt(0))

/** Its id, and what `complete` answers. */
async function upload(bytes: Uint8Array, purpose: string, type: string): Promise<[id: string, said: string]> {
  const { body } = await ann.post('/api/own', announcement(bytes, { purpose, type, name: 'harm.html' }))
  expect((await send(ann, body, bytes)).status).toBe(204)
  const { body: done } = await ann.post(`/api/own/${body.id}/complete`)
  return [body.id, done.code ?? done.state]
}

/** What a browser is told of the bytes, whatever it asks for. */
async function served(client: Client, path: string) {
  const { headers } = await client.get(path)
  const link = new URL(headers.get('location') ?? path, client.url)
  link.searchParams.set('response-content-type', 'text/html')
  const read = await fetch(link, { headers: { Accept: 'text/html' } })
  expect(read.headers.get('x-content-type-options')).toBe('nosniff')
  expect(read.headers.get('content-security-policy')).toMatch(/\bsandbox ?(;|$)/)
  expect(read.headers.get('content-security-policy')).toContain("default-src 'none'")
  const [way = ''] = (read.headers.get('content-disposition') ?? '').split(';')
  return [read.headers.get('content-type'), way, await read.bytes()]
}

const GIF = bytesOf('GIF89a/*<html><script>alert(1)</script>*/=1')
const PDF = pdf('PK\x03\x04<script>alert(1)</script>')
const PNG = png('%PDF-1.7 <?php system($_GET[0]) ?>')
test.each([
  ['a GIF that is a script', GIF, 'image/gif', 'inline'],
  ['a PNG that is a PDF', PNG, 'image/png', 'inline'],
  ['a PDF that is a ZIP', PDF, 'application/pdf', 'attachment'],
  ['a text that is a page', bytesOf('<!doctype html><script>alert(1)</script>'), 'text/plain', 'attachment'],
])('%s is what it was checked to be, and nothing else', async (_, bytes, type, way) => {
  const [id, said] = await upload(bytes, 'picture', type)
  expect(said).toBe('ready')
  expect(await served(ann, `/api/own/${id}/content`)).toEqual([type, way, bytes])
})

test.each([
  ['a GIF', GIF, 'application/pdf'],
  ['a PDF', PDF, 'application/zip'],
  ['a PNG', PNG, 'application/pdf'],
  ['a page', bytesOf('<html>'), 'image/png'],
  ['a text with a zero', bytesOf('a\0'), 'text/plain'],
  ['a page with a drawing', bytesOf('<!DOCTYPE html><svg onload="alert(1)">'), 'image/svg+xml'],
])('%s that is further down of another type is not that: %p', async (_, bytes, type) => {
  expect((await upload(bytes, 'picture', type))[1]).toBe('file_mismatch')
})

test('a drawing with a script is saved and never shown, to whomever it is public', async () => {
  const svg = bytesOf(
    '<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"><script>alert(1)</script></svg>',
  )
  const [id] = await upload(svg, 'drawing', 'image/svg+xml')
  for (const path of [`/api/own/${id}/public`, `/api/own/${id}/content`])
    expect(await served(ann, path)).toEqual(['image/svg+xml', 'attachment', svg])
})

test('whom a purpose lets read a file reads its bytes, once it is ready, and may do nothing else', async () => {
  const [bob, admin] = [await app.member(), await app.member('admin')]
  const bytes = pdf('evidence')
  const [id] = await upload(bytes, 'evidence', 'application/pdf')
  const statusFor = async (client: Client, of = id) => (await client.get(`/api/own/${of}/content`)).status
  expect(await Promise.all([ann, bob, admin, app.visitor()].map((client) => statusFor(client)))).toEqual([
    302, 404, 302, 401,
  ])
  expect((await served(admin, `/api/own/${id}/content`))[2]).toEqual(bytes)
  for (const [method, path] of [
    ['GET', ''],
    ['POST', '/complete'],
    ['DELETE', ''],
  ] as const)
    expect((await admin.send(method, `/api/own/${id}${path}`)).status).toBe(404)
  expect((await admin.get('/api/own')).body).toEqual([])
  expect((await app.visitor().get(`/api/own/${id}/public`)).status).toBe(404)
  const { body: pending } = await ann.post('/api/own', announcement(bytes, { purpose: 'evidence' }))
  expect(await statusFor(admin, pending.id)).toBe(404)
  const [another] = await upload(pdf('mine'), 'picture', 'application/pdf')
  expect(await statusFor(admin, another)).toBe(404)
})
