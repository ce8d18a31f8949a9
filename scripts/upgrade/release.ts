// Gets a release, from a file or from the package registry, and unpacks what it holds.
import { existsSync, mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { PACKAGE } from '../kit-checksums.ts'
import { readManifest } from '../manifest.ts'

type Wanted = { file: string } | { version: string; isKnown: boolean }

/**
 * Unpacks a release.
 * @param wanted the file of the package, or a version of it: `0.2.0`, `latest`. With `isKnown` npm's own copy will do
 * @param folder where it goes, which is made
 * @returns its version
 * @throws Error that says where it was looked for
 */
export function unpack(wanted: Wanted, folder: string): string {
  mkdirSync(folder, { recursive: true })
  const packed = `${folder}.package`
  mkdirSync(packed)
  const file = 'file' in wanted ? resolve(wanted.file) : download(wanted, packed)
  const inner = join(packed, 'package/release.tgz')
  if (!existsSync(file)) throw new Error(`There is no file ${file}`)
  const unpacked = run(['tar', '-xzf', file, '-C', packed]) && run(['tar', '-xzf', inner, '-C', folder])
  if (!unpacked || !existsSync(join(folder, 'package.json')))
    throw new Error(`${file} is no release: it is a file ${PACKAGE}-<version>.tgz`)
  return readManifest(folder).version
}

const run = (command: string[]) => Bun.spawnSync(command).success

/** By npm, which knows the registry, its proxy and its password, and has a copy of what it got before. */
function download({ version, isKnown }: { version: string; isKnown: boolean }, folder: string): string {
  const spec = `${PACKAGE}@${version}`
  const options = ['--json', '--pack-destination', folder, ...(isKnown ? ['--prefer-offline'] : [])]
  const { stdout } = Bun.spawnSync(['npm', 'pack', spec, ...options], { cwd: folder })
  const reply = JSON.parse(stdout.toString() || '{}') as [{ filename: string }] | { error?: { code: string } }
  if (Array.isArray(reply)) return join(folder, reply[0].filename)
  const code = reply.error?.code
  throw new Error(
    code === 'E404' || code === 'ETARGET'
      ? `The package registry has no ${spec}`
      : `The package registry cannot be reached for ${spec} (${code}): name files by --from and --base`,
  )
}
