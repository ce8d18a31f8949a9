// A certificate for localhost, signed by itself.
import { join } from 'node:path'

const EC_KEY = 'ec -pkeyopt ec_paramgen_curve:prime256v1'

/** Writes `cert.pem` and `key.pem`, over those that are there. */
export function makeCertificate(folder: string, newKey = EC_KEY): { certificate: string; key: string } {
  const files = { certificate: join(folder, 'cert.pem'), key: join(folder, 'key.pem') }
  const made = Bun.spawnSync(
    `openssl req -x509 -newkey ${newKey} -nodes -days 2 -subj /CN=localhost`
      .split(' ')
      .concat('-keyout', files.key, '-out', files.certificate),
  )
  if (made.exitCode !== 0) throw new Error(made.stderr.toString())
  return files
}
