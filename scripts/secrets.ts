// The keys of what is stored encrypted, SECRET_KEYS: makes one, and encrypts all anew with the first.
import { join } from 'node:path'
import { rotateSealed } from '../src/kit/auth/sealed-columns.ts'
import { newSecretKey } from '../src/kit/auth/secrets.ts'
import { loadSchema } from '../src/kit/data/tables.ts'
import { oneOf, readArguments, runCommand } from './command.ts'
import { withDeps } from './with-deps.ts'

const USAGE = `Usage: npm run secrets -- rotate         encrypts all that is stored encrypted anew, with the first key
       npm run --silent secrets -- key   prints a new key for SECRET_KEYS`

async function rotate(): Promise<void> {
  const schema = await loadSchema(join(import.meta.dir, '../src'))
  await withDeps({ logLevel: 'warn' }, async ({ deps }) => {
    const columns = await rotateSealed(deps, schema)
    for (const { name, rotated, left } of columns)
      console.log(`${name}: ${rotated} encrypted anew, ${left} left`)
    if (columns.length === 0) console.log('No table has a column that is stored encrypted')
    for (const {
      name,
      left,
      why = 'processes that have other keys write there: reload, and run this again',
    } of columns)
      if (left > 0) throw new Error(`${name}: ${left} are not encrypted with the first key: ${why}`)
  })
}

await runCommand(USAGE, async () => {
  const name = oneOf(readArguments({}, 1).positionals[0], ['key', 'rotate'], 'command')
  if (name === 'key') console.log(newSecretKey())
  else await rotate()
})
