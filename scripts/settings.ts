// `npm run settings`: writes what is made from the declared settings: .env.example, and the tables in the kit's pages.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { readArguments, runCommand } from './command.ts'
import { settingsFiles } from './settings/reference.ts'
import { runTool } from './tool.ts'

const ROOT = join(import.meta.dir, '..')

await runCommand('Usage: npm run settings   writes .env.example and the tables of settings', async () => {
  readArguments({})
  const files = settingsFiles(ROOT)
  for (const [path, text] of Object.entries(files)) writeFileSync(join(ROOT, path), text)
  await runTool(
    ROOT,
    'oxfmt',
    Object.keys(files).filter((path) => path.endsWith('.md')),
  )
  console.log(`wrote ${Object.keys(files).join(', ')}`)
})
