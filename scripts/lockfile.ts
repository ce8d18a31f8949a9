// The lockfile says the same as package.json, and is the only one: bun reads package-lock.json, too.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

type Versions = Record<string, string>
interface Manifest {
  dependencies?: Versions
  devDependencies?: Versions
}

/**
 * What is not in agreement, one message each. Needs no network. What lies deeper `npm ci` compares.
 * @param root the folder that holds package.json and package-lock.json
 */
export function findLockfileFaults(root: string): string[] {
  const read = (file: string) => JSON.parse(readFileSync(join(root, file), 'utf8')) as unknown
  const wanted = direct(read('package.json') as Manifest)
  const lock = read('package-lock.json') as { packages: Record<string, Manifest> }
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

const direct = (manifest: Manifest = {}): Versions => ({
  ...manifest.dependencies,
  ...manifest.devDependencies,
})
