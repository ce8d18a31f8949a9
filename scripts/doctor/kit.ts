// The kit: whether it is as it came, and what later releases say of its security.
import { join } from 'node:path'
import { findEdited, madeFrom, PACKAGE } from '../kit-checksums.ts'
import { type Finding, ok, warn } from './finding.ts'

const ROOT = join(import.meta.dir, '../..')
const TIMEOUT_MS = 5000
const MOST_NAMED = 5

interface Release {
  version: string
  security?: string[] | string
}

/** Nothing in the kit's own repository, and in a project that owns all. */
export async function checkKit(root = ROOT): Promise<Finding[]> {
  const version = madeFrom(root)
  return version === undefined ? [] : [checkFolders(root, version), ...(await checkSecurity(version))]
}

function checkFolders(root: string, version: string): Finding {
  const edited = findEdited(root)
  if (edited.length === 0) return ok('kit', `${version}, as it came`)
  const more = edited.length > MOST_NAMED ? ` and ${edited.length - MOST_NAMED} more` : ''
  return warn(
    'kit',
    `${version}, edited in ${edited.slice(0, MOST_NAMED).join(', ')}${more}`,
    'npm run upgrade would replace them: move what you changed into your part, or tell upstream which option is missing',
  )
}

/** By npm, which knows the registry, its proxy and its password. */
async function checkSecurity(version: string): Promise<Finding[]> {
  const check = 'security notes'
  const command = [
    'npm',
    'view',
    `${PACKAGE}@>=${version}`,
    'version',
    'security',
    '--json',
    '--fetch-retries=0',
  ]
  const { code, out } = await run([...command, `--fetch-timeout=${TIMEOUT_MS}`])
  if (code !== 0) {
    if (/"code": "E404"/.test(out))
      return [ok(check, `the package registry has no ${PACKAGE} from ${version} on`)]
    const fix = `Where it is reached: npm view ${PACKAGE}@'>=${version}' version security`
    return [warn(check, 'unknown: the package registry was not reached', fix)]
  }
  const found = JSON.parse(out) as Release | Release[]
  const later = [found].flat().filter((release) => Bun.semver.order(release.version, version) > 0)
  const notes = later.flatMap(({ version: by, security = [] }) =>
    [security].flat().map((note) => ({ by, note })),
  )
  if (notes.length === 0) return [ok(check, `none later than ${version}`)]
  return notes.map(({ by, note }) =>
    warn(check, `${note} (mended in ${by})`, `npm run upgrade -- --to ${by}`),
  )
}

async function run(command: string[]): Promise<{ code: number; out: string }> {
  try {
    const child = Bun.spawn(command, {
      stdin: 'ignore',
      stdout: 'pipe',
      stderr: 'ignore',
      timeout: 2 * TIMEOUT_MS,
    })
    const [out, code] = await Promise.all([child.stdout.text(), child.exited])
    return { out, code }
  } catch {
    return { code: 1, out: '' } // no npm on this machine
  }
}
