// Prepares the settings for printing at start: texts only where declared printable, URLs without their passwords.
import type { KitConfig } from './kit-config.ts'

/** Numbers and flags are no secrets. Any other setting is masked unless it is listed here. */
const TEXTS = new Set(
  `name version mode host redisPrefix dataDir corsOrigins corsHeaders trustedProxies trustedProxyHeader cookie.domain cookie.sameSite
  tls.certFile tls.keyFile mail.from log.level log.format log.file log.redact`.split(/\s+/),
)
const URLS = new Set('databaseUrl migrateDatabaseUrl redisUrl mail.smtpUrl log.syslog'.split(' '))
const MASK = '***'

/**
 * Returns a flat, printable copy of the config, with keys like `cookie.domain`. Unset settings are left out.
 * @param own keys of the product's texts that are printable
 */
export function printableConfig(
  config: KitConfig,
  own: ReadonlySet<string> = new Set(),
): Record<string, unknown> {
  const shown: Record<string, unknown> = {}
  const add = (name: string, value: unknown) => {
    if (value !== undefined) shown[name] = own.has(name) ? value : printable(name, value)
  }
  for (const [name, value] of Object.entries(config)) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) add(name, value)
    else for (const [key, inner] of Object.entries(value)) add(`${name}.${key}`, inner)
  }
  return shown
}

function printable(name: string, value: unknown): unknown {
  if (typeof value === 'number' || typeof value === 'boolean' || TEXTS.has(name)) return value
  return URLS.has(name) && typeof value === 'string' ? maskUrl(value) : MASK
}

// A URL that does not parse may still hold a password, so it is never shown.
function maskUrl(value: string): string {
  if (!URL.canParse(value)) return value === '' ? '' : MASK
  const parsed = new URL(value)
  if (parsed.password) parsed.password = MASK
  for (const name of parsed.searchParams.keys()) {
    if (/pass|secret|token|key/i.test(name)) parsed.searchParams.set(name, MASK)
  }
  return parsed.href
}
