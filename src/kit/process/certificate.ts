// Reads the certificate of a process that serves HTTPS itself, at its start, so that a reload picks up a renewed one.
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { KitConfig } from '../config/kit-config.ts'
import { ConfigError } from '../types/config-error.ts'

/**
 * For TLS 1.2, where a suite without ECDHE would let whoever gets the key one day read what was recorded before. Those of
 * TLS 1.3 are all of this kind.
 */
const CIPHERS = 'ECDHE+AESGCM:ECDHE+CHACHA20'

/**
 * What Bun.serve takes as `tls`; undefined where the service speaks plain HTTP.
 * @throws ConfigError that names the variable, if a file cannot be read or the two do not belong together
 */
export function readCertificate({ tls }: KitConfig) {
  if (tls === undefined) return undefined
  const cert = read('TLS_CERT_FILE', tls.certFile)
  const key = read('TLS_KEY_FILE', tls.keyFile)
  const certificate = parse('TLS_CERT_FILE', tls.certFile, () => new X509Certificate(cert))
  const privateKey = parse('TLS_KEY_FILE', tls.keyFile, () => createPrivateKey(key))
  if (!certificate.checkPrivateKey(privateKey)) {
    throw new ConfigError(`TLS_KEY_FILE=${tls.keyFile} is not the key of the certificate in TLS_CERT_FILE`)
  }
  return { cert, key, ciphers: CIPHERS }
}

const read = (name: string, path: string) => parse(name, path, () => readFileSync(path, 'utf8'))

function parse<T>(name: string, path: string, work: () => T): T {
  try {
    return work()
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new ConfigError(`${name}=${path} cannot be used: ${why}`, { cause })
  }
}
