// What the benchmarks compare with, installed beside them and not with the project.
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const versionOf = (file: string): string | undefined => {
  try {
    return JSON.parse(readFileSync(join(import.meta.dir, file), 'utf8')).version
  } catch {
    return undefined
  }
}

/**
 * Installs them, by scripts/bench/bun.lock, unless they are there.
 * @param peer the one that is about to be used
 * @throws if they cannot be installed
 */
export function installPeers(peer: string): void {
  const manifest = JSON.parse(readFileSync(join(import.meta.dir, 'package.json'), 'utf8'))
  if (versionOf(`node_modules/${peer}/package.json`) === manifest.dependencies[peer]) return
  console.error('Installing what is compared with (scripts/bench/package.json) ...')
  const args = ['install', '--frozen-lockfile', '--ignore-scripts']
  const { status } = spawnSync(process.execPath, args, { cwd: import.meta.dir, stdio: ['ignore', 2, 2] })
  if (status !== 0) throw new Error(`the peers could not be installed in ${import.meta.dir}`)
}
