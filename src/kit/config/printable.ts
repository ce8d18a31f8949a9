// The settings as a start prints them: texts only where they are declared printable, and URLs without their passwords.
import { isInCompany } from './redis-url.ts'
import { changeAround } from './hosts.ts'
import type { Setting } from './setting.ts'

/** Keys of the config that are no settings. */
const NO_SETTINGS = new Set(['name', 'version', 'fromFiles'])
/** Parameters of a service's URL that hold no secret. */
const HARMLESS = new Set('application_name database family options prepare search_path sslmode'.split(' '))
const MASK = '***'

/** Returns a flat, printable copy of the config, with keys like `cookie.domain`. Unset settings are left out. */
export function printConfig(
  config: object,
  declared: Readonly<Record<string, Setting>>,
): Record<string, unknown> {
  const shown: Record<string, unknown> = {}
  const add = (key: string, value: unknown) => {
    if (value !== undefined) shown[key] = printable(value, NO_SETTINGS.has(key) || declared[key])
  }
  for (const [key, value] of Object.entries(config)) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) add(key, value)
    else if (declared[key]?.each)
      for (const [name, own] of Object.entries(value as object))
        for (const [inner, part] of Object.entries(own as object))
          shown[`${key}.${name}.${inner}`] = printable(part, declared[key].each[inner])
    else for (const [inner, part] of Object.entries(value)) add(`${key}.${inner}`, part)
  }
  return shown
}

function printable(value: unknown, setting: Setting | boolean | undefined): unknown {
  if (typeof value === 'number' || typeof value === 'boolean' || setting === true) return value
  if (!setting) return MASK
  if (setting.isPrintable === true) return value
  return setting.isUrl === true && typeof value === 'string' ? changeAround(value, maskUrl) : MASK
}

// A URL that does not parse may still hold a password, so it is never shown.
function maskUrl(value: string): string {
  if (isInCompany(value)) return value.replace(/\/\/.*@/, `//${MASK}@`).replace(/=.*/, `=${MASK}`)
  if (!URL.canParse(value)) return value === '' ? '' : MASK
  const parsed = new URL(value)
  if (parsed.password) parsed.password = MASK
  else if (parsed.username) parsed.username = MASK
  for (const name of parsed.searchParams.keys()) {
    if (!HARMLESS.has(name)) parsed.searchParams.set(name, MASK)
  }
  parsed.hash = ''
  return parsed.href
}
