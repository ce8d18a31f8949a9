// HTTPS by the service itself: it serves with the certificate it was given, and a reload takes up a renewed one.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, type ConnectionOptions } from 'node:tls'
import { loadConfig } from '../product/product.ts'
import { readCertificate } from '../../../src/kit/process/certificate.ts'
import { serve } from '../../../src/kit/process/serve.ts'
import { makeCertificate } from '../support/certificate.ts'
import { startService } from '../support/supervised.ts'

const URLS = { DATABASE_URL: 'postgres://x', REDIS_URL: 'redis://x' }
let folder: string
let files: { certificate: string; key: string }
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'restbun-tls-'))
  files = makeCertificate(folder)
})
afterAll(() => rmSync(folder, { recursive: true }))

/** The fingerprint of the certificate that a server shows. */
function shown(url: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const { hostname, port } = new URL(url)
  const socket = connect({ host: hostname, port: Number(port), rejectUnauthorized: false }, () => {
    resolve(socket.getPeerCertificate().fingerprint256)
    socket.end()
  })
  socket.on('error', reject)
  return promise
}

test('it serves HTTPS, and a reload takes up a renewed certificate', async () => {
  const service = await startService({ TLS_CERT_FILE: files.certificate, TLS_KEY_FILE: files.key })
  try {
    const https = service.url.replace('http:', 'https:')
    const reply = await fetch(`${https}/ready`, { tls: { rejectUnauthorized: false } })
    expect(reply.status).toBe(200)
    const before = await shown(https)
    expect(await shown(https)).toBe(before)
    makeCertificate(folder)
    expect((await service.reload()).result).toBe('succeeded')
    expect(await shown(https)).not.toBe(before)
  } finally {
    await service.close()
  }
})

test('who records the traffic cannot read it with the key one day: no suite without an exchange of its own', async () => {
  const rsa = makeCertificate(mkdtempSync(join(folder, 'rsa-')), 'rsa:2048')
  const config = { ...loadConfig(URLS), tls: { certFile: rsa.certificate, keyFile: rsa.key } }
  const server = serve({ fetch: () => new Response('here') }, { ...config, host: '127.0.0.1', port: 0 })
  const suiteOf = (options: ConnectionOptions) =>
    new Promise<string>((resolve) => {
      const at = { host: '127.0.0.1', port: Number(server.url.port), rejectUnauthorized: false }
      const socket = connect({ ...at, ...options }, () => {
        resolve(socket.getCipher().standardName)
        socket.end()
      })
      socket.on('error', () => resolve('refused'))
    })
  try {
    expect(await suiteOf({})).toStartWith('TLS_')
    expect(await suiteOf({ maxVersion: 'TLSv1.2' })).toStartWith('TLS_ECDHE_')
    for (const ciphers of ['AES128-GCM-SHA256', 'AES256-GCM-SHA384', 'AES128-SHA', 'ECDHE-RSA-AES128-SHA']) {
      expect([ciphers, await suiteOf({ maxVersion: 'TLSv1.2', ciphers })]).toEqual([ciphers, 'refused'])
    }
  } finally {
    await server.drain(1000)
  }
})

test('no TLS older than 1.2 is spoken', async () => {
  const config = { ...loadConfig(URLS), tls: { certFile: files.certificate, keyFile: files.key } }
  const server = serve({ fetch: () => new Response('here') }, { ...config, host: '127.0.0.1', port: 0 })
  // Bun's own client speaks no older one either.
  const said = async (version: string) => {
    const at = `127.0.0.1:${new URL(server.url).port}`
    const options = ['-connect', at, version, '-cipher', 'ALL:@SECLEVEL=0']
    const child = Bun.spawn(['openssl', 's_client', ...options], {
      stdin: 'ignore',
      stdout: 'pipe',
      stderr: 'pipe',
    })
    return (await child.stdout.text()) + (await child.stderr.text())
  }
  try {
    expect(await said('-tls1_2')).toContain('New, TLSv1.2')
    for (const old of ['-tls1', '-tls1_1']) expect(await said(old)).toContain('alert protocol version')
  } finally {
    await server.drain(1000)
  }
})

test('a certificate that cannot be used is named', () => {
  const other = mkdtempSync(join(folder, 'other-'))
  const { key } = makeCertificate(other)
  const nonsense = join(other, 'nonsense.pem')
  writeFileSync(nonsense, 'nonsense')
  const use = (certFile: string, keyFile: string) => () =>
    readCertificate(
      loadConfig({
        ...URLS,
        TLS_CERT_FILE: certFile,
        TLS_KEY_FILE: keyFile,
      }),
    )
  expect(use('/no/such/file', key)).toThrow('TLS_CERT_FILE=/no/such/file')
  expect(use(nonsense, key)).toThrow(`TLS_CERT_FILE=${nonsense}`)
  expect(use(files.certificate, nonsense)).toThrow(`TLS_KEY_FILE=${nonsense}`)
  expect(use(files.certificate, key)).toThrow('is not the key of the certificate')
  expect(use(files.certificate, '')).toThrow('go together')
})
