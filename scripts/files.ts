// Files from the command line: compares the store with the table, and repairs what is not the same.
import { files } from '../src/files/table.ts'
import { lostIn, orphansIn } from '../src/kit/files/compare.ts'
import { storeOf } from '../src/kit/files/purposes.ts'
import { fileQueries } from '../src/kit/files/queries.ts'
import { oneOf, readArguments, runCommand } from './command.ts'
import { withDeps } from './with-deps.ts'

const USAGE = `Usage: npm run files -- check              lists files without bytes, and bytes without a file; ends with 1 if there are any
       npm run files -- check --repair     marks such files as lost, and deletes such bytes
Bytes that are younger than a day are left alone: their file may be about to know them. A restored backup of the database knows
none of the files that were made after it: then look before you repair. The nightly sweep leaves those for 30 days, and for good
where they are more than twenty and more than a tenth of all.`

await runCommand(USAGE, () => {
  const { positionals, values } = readArguments({ repair: { type: 'boolean', default: false } }, 1)
  oneOf(positionals[0], ['check'], 'command')
  return withDeps({ logLevel: 'silent', migrates: false }, async ({ deps }) => {
    const store = storeOf(deps)
    let lost = 0
    for await (const { id, name, state } of lostIn(deps.db, files, store)) {
      lost++
      console.log(`${id} (${name}) is ${state}, and its bytes are not there`)
      if (values.repair) await fileQueries(files).move(deps.db, id, [state, 'lost'])
    }
    let orphans = 0
    for await (const { name, modified } of orphansIn(deps.db, files, store)) {
      orphans++
      console.log(`${name}, of ${modified.toISOString().slice(0, 10)}, belongs to no file`)
      if (values.repair) await store.remove(name)
    }
    const found = `${lost} file(s) without bytes, ${orphans} object(s) without a file`
    if (lost + orphans > 0 && !values.repair) throw new Error(`${found}: --repair sees to them`)
    console.log(lost + orphans > 0 ? `${found}: repaired` : 'store and table agree')
  })
})
