// The lockfiles say the same as package.json and as each other: npm installs by one, bun by the other.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

type Versions = Record<string, string>
interface Manifest {
  dependencies?: Versions
  devDependencies?: Versions
}
interface NpmLock {
  packages: Record<string, Manifest & { name?: string; version?: string }>
}
interface BunLock {
  workspaces: Record<string, Manifest>
  packages: Record<string, [nameAtVersion: string, ...unknown[]]>
}

/**
 * What is not in agreement, one message each. Needs no network.
 * @param root the folder that holds package.json, package-lock.json and bun.lock
 */
export function findLockfileFaults(root: string): string[] {
  const text = (file: string) => readFileSync(join(root, file), 'utf8')
  const manifest = JSON.parse(text('package.json')) as Manifest
  const npm = JSON.parse(text('package-lock.json')) as NpmLock
  const bun = Bun.JSONC.parse(text('bun.lock')) as BunLock

  const wanted = direct(manifest)
  return [
    ...compare('package-lock.json', wanted, direct(npm.packages[''])),
    ...compare('bun.lock', wanted, direct(bun.workspaces[''])),
    ...compareLocked(lockedByNpm(npm), lockedByBun(bun)),
  ]
}

const direct = (manifest: Manifest = {}) =>
  new Map(Object.entries({ ...manifest.dependencies, ...manifest.devDependencies }))

function compare(file: string, wanted: Map<string, string>, locked: Map<string, string>): string[] {
  return [...new Set([...wanted.keys(), ...locked.keys()])]
    .filter((name) => wanted.get(name) !== locked.get(name))
    .map(
      (name) =>
        `${file} has ${name} ${locked.get(name) ?? 'not at all'}, package.json ${wanted.get(name) ?? 'not at all'}: ` +
        (file === 'bun.lock'
          ? 'run `npx bun install --lockfile-only`'
          : 'run `npm install --package-lock-only`'),
    )
}

/** Packages that one alone locks are left out: each leaves out optional ones of other platforms in its own way. */
function compareLocked(npm: Map<string, string[]>, bun: Map<string, string[]>): string[] {
  return [...npm]
    .map(([name, versions]) => ({ name, npm: list(versions), bun: list(bun.get(name) ?? versions) }))
    .filter((locked) => locked.npm !== locked.bun)
    .map(
      ({ name, ...at }) =>
        `package-lock.json locks ${name} at ${at.npm}, bun.lock at ${at.bun}: delete bun.lock and run ` +
        '`npx bun install --lockfile-only`, which takes over what npm has locked',
    )
}

const list = (versions: string[]) => [...new Set(versions)].toSorted().join(' and ')

function lockedByNpm({ packages }: NpmLock): Map<string, string[]> {
  const placed = Object.entries(packages).filter(([path]) => path !== '')
  return Map.groupBy(
    placed.map(([path, locked]) => `${locked.name ?? path.split('node_modules/').at(-1)}@${locked.version}`),
    nameOf,
  )
}

const lockedByBun = ({ packages }: BunLock) =>
  Map.groupBy(
    Object.values(packages).map(([nameAtVersion]) => nameAtVersion),
    nameOf,
  )

/** `@scope/name@1.2.3` -> `@scope/name`. */
const nameOf = (nameAtVersion: string) => nameAtVersion.slice(0, nameAtVersion.lastIndexOf('@'))
