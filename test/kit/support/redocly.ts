// What redocly says of an OpenAPI document.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const REDOCLY = join(import.meta.dir, '../../../node_modules/@redocly/cli/bin/cli.js')
// A redirect alone is an answer, too.
const CONFIG = 'extends: [recommended]\nrules: { operation-2xx-response: off }\n'
const OPTIONS = ['--config', 'redocly.yaml', '--format', 'json']

interface Verdict {
  totals: { errors: number; warnings: number; ignored: number }
  problems: unknown[]
}

export const FLAWLESS: Verdict = { totals: { errors: 0, warnings: 0, ignored: 0 }, problems: [] }

export async function redocly(description: object): Promise<Verdict> {
  const folder = mkdtempSync(join(tmpdir(), 'restbun-openapi-'))
  try {
    writeFileSync(join(folder, 'openapi.json'), JSON.stringify(description))
    writeFileSync(join(folder, 'redocly.yaml'), CONFIG)
    const child = Bun.spawn([process.execPath, REDOCLY, 'lint', ...OPTIONS, 'openapi.json'], {
      cwd: folder,
      env: { ...process.env, REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true' },
      stdout: 'pipe',
      stderr: 'ignore',
    })
    const { totals, problems } = (await child.stdout.json()) as Verdict
    return { totals, problems }
  } finally {
    rmSync(folder, { recursive: true })
  }
}
