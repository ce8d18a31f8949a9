// `npm run settings`: writes what is made from the declared settings, .env.example and the reference of the kit's.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { runCommand } from './command.ts'
import { settingsFiles } from './settings/reference.ts'
import { runTool } from './tool.ts'

const ROOT = join(import.meta.dir, '..')

await runCommand('Usage: npm run settings   writes .env.example and src/kit/config/README.md', async () => {
  const files = settingsFiles(ROOT)
  for (const [path, text] of Object.entries(files)) writeFileSync(join(ROOT, path), text)
  await runTool(ROOT, 'oxfmt', ['src/kit/config/README.md'])
  console.log(`wrote ${Object.keys(files).join(' and ')}`)
})
