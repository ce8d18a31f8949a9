// The lockfile says the same as package.json, and is the only one: bun reads package-lock.json, too.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Manifest, readManifest } from './manifest.ts'

type Direct = Partial<Pick<Manifest, 'dependencies' | 'devDependencies'>>

/**
 * What is not in agreement, one message each. Needs no network. What lies deeper `npm ci` compares.
 * @param root the folder that holds package.json and package-lock.json
 */
export function findLockfileFaults(root: string): string[] {
  const wanted = direct(readManifest(root))
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, Direct>
  }
  const locked = direct(lock.packages[''])
  const differing = Object.keys({ ...wanted, ...locked }).filter((name) => wanted[name] !== locked[name])
  return [
    ...differing.map(
      (name) =>
        `package-lock.json has ${name} ${locked[name] ?? 'not at all'}, package.json ${wanted[name] ?? 'not at all'}: ` +
        'run `npm install --package-lock-only`',
    ),
    ...(existsSync(join(root, 'bun.lock'))
      ? ['bun.lock is not ours, and bun would install by it: delete it']
      : []),
  ]
}

const direct = (manifest: Direct = {}): Record<string, string> => ({
  ...manifest.dependencies,
  ...manifest.devDependencies,
})
