// Where a server gets its Bun from: the package of its platform, in the version and with the digest of package-lock.json.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const REGISTRY = 'https://registry.npmjs.org'
const PLATFORMS: Record<string, string> = { x86_64: 'linux-x64', aarch64: 'linux-aarch64' }

/**
 * @param machine as `uname -m` says
 * @throws Error if there is no Bun for that machine
 */
export function fetchOfBun(machine: string): { version: string; url: string; sha512: string } {
  const platform = PLATFORMS[machine]
  const lock = JSON.parse(readFileSync(join(import.meta.dir, '../../package-lock.json'), 'utf8')) as {
    packages: Record<string, { version: string; integrity?: string }>
  }
  const locked = lock.packages[`node_modules/@oven/bun-${platform}`]
  if (platform === undefined || !locked?.integrity?.startsWith('sha512-')) {
    throw new Error(`There is no Bun for a server that is a ${machine || 'machine of an unknown kind'}`)
  }
  return {
    version: `${locked.version}-${platform}`,
    url: `${REGISTRY}/@oven/bun-${platform}/-/bun-${platform}-${locked.version}.tgz`,
    sha512: locked.integrity.slice('sha512-'.length),
  }
}
