// Packs a release: the package create-restbun, which makes projects, and which an upgrade reads.
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { git } from '../git.ts'
import { readManifest } from '../manifest.ts'
import { run } from '../tool.ts'
import { securityNotes } from '../upgrade/notes.ts'

/**
 * @param root a checkout of the kit's own repository: what is committed is packed
 * @param out the folder that it is written to, made if need be
 * @returns the path of the package
 */
export async function packRelease(root: string, out: string): Promise<string> {
  const { version } = readManifest(root)
  const folder = mkdtempSync(join(tmpdir(), 'release-'))
  try {
    // npm would leave .gitignore and its like out of the package: it gets them in an archive.
    git(root, 'archive', `--output=${join(folder, 'release.tgz')}`, 'HEAD')
    await Bun.build({
      entrypoints: [join(root, 'scripts/create/create.ts')],
      target: 'node',
      outdir: folder,
      naming: 'create.mjs',
      banner: '#!/usr/bin/env node',
    })
    cpSync(join(root, 'scripts/create/README.md'), join(folder, 'README.md'))
    cpSync(join(root, 'LICENSE'), join(folder, 'LICENSE'))
    const manifest = JSON.parse(readFileSync(join(root, 'scripts/create/package.json'), 'utf8')) as object
    const security = securityNotes(readFileSync(join(root, 'CHANGELOG.md'), 'utf8'), version)
    writeFileSync(join(folder, 'package.json'), JSON.stringify({ ...manifest, version, security }, null, 2))
    mkdirSync(out, { recursive: true })
    return join(out, (await run(folder, ['npm', 'pack', '--silent', '--pack-destination', out])).trim())
  } finally {
    rmSync(folder, { recursive: true })
  }
}
