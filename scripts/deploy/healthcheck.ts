// The container's health: exits 0 if the service beside it is ready, that is, listens and reaches Postgres and Redis.
import { exit } from 'node:process'

const scheme = process.env.TLS_CERT_FILE ? 'https' : 'http'
const url = `${scheme}://127.0.0.1:${process.env.PORT || 8100}/ready`

try {
  const reply = await fetch(url, { signal: AbortSignal.timeout(4000), tls: { rejectUnauthorized: false } })
  if (!reply.ok) throw new Error(`${reply.status} ${await reply.text()}`)
} catch (error) {
  console.error(`${url}: ${error instanceof Error ? error.message : String(error)}`)
  exit(1)
}
