// `npm run settings`: writes what is made from the declared settings: .env.example, and the tables in the kit's pages.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { attempt } from '../src/kit/types/attempt.ts'
import { readArguments, runCommand } from './command.ts'
import { settingsFiles } from './settings/reference.ts'
import { runTool } from './tool.ts'

const ROOT = join(import.meta.dir, '..')

await runCommand('Usage: npm run settings   writes .env.example and the tables of settings', async () => {
  readArguments({})
  const files = settingsFiles(ROOT)
  const read = (path: string) => attempt(() => readFileSync(join(ROOT, path), 'utf8'))
  const before = new Map(Object.keys(files).map((path) => [path, read(path)]))
  for (const [path, text] of Object.entries(files)) writeFileSync(join(ROOT, path), text)
  await runTool(
    ROOT,
    'oxfmt',
    Object.keys(files).filter((path) => path.endsWith('.md')),
  )
  const changed = [...before].filter(([path, text]) => read(path) !== text)
  console.log(changed.length > 0 ? `wrote ${changed.map(([path]) => path).join(', ')}` : 'all is as declared')
})
