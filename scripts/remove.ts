// Takes modules out of the project, with all that belongs to them: npm run remove -- dashboard
import { join } from 'node:path'
import { readArguments, runCommand } from './command.ts'
import { refuseUngenerated } from './generate.ts'
import { refuseUnsaved } from './git.ts'
import { readManifest } from './manifest.ts'
import { MODULES } from './remove/modules.ts'
import { moduleOf, removeModules, withShared } from './remove/remove.ts'

const ROOT = join(import.meta.dir, '..')

const USAGE = `Usage: npm run remove                          lists the modules, and why one would keep each
       npm run remove -- <module> [<module> ...]
       --undeployed   no database is to be kept: the migrations of its table go, too; else another one drops it
       --yes          even where git could not bring back what is deleted`

await runCommand(USAGE, async () => {
  const flag = { type: 'boolean', default: false } as const
  const { values, positionals } = readArguments({ undeployed: flag, yes: flag }, Infinity)
  const named = [...new Set(positionals)]
  const removed = readManifest(ROOT).restbun?.removed ?? []
  if (named.length === 0) return list(removed)
  for (const name of named) {
    moduleOf(name)
    if (removed.includes(name))
      throw new Error(`${name} was removed already: package.json says so (restbun.removed)`)
  }
  const names = withShared(named, removed)
  if (!values.yes) refuseUnsaved(ROOT, 'commit them first, or say --yes')
  await refuseUngenerated(ROOT)
  const { done, left } = await removeModules(ROOT, names, values).catch((cause: unknown) => {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new Error(`${why}\nIt broke off half way. Undo it by: git checkout HEAD -- . && git clean -fd`, {
      cause,
    })
  })
  for (const line of done) console.log(line)
  if (names.some((name) => moduleOf(name).tables)) {
    console.log(
      values.undeployed
        ? '\nA development database that has the table keeps it: npm run db:reset begins anew.'
        : '\nThe next `npm run migrate` or `npm start` drops their tables, with all rows.',
    )
  }
  if (left.length > 0) {
    throw new Error(
      `\nGone: ${names.join(', ')}. These still speak of it, and are yours to change:\n${left.join('\n')}`,
    )
  }
  console.log('\nNothing else of yours speaks of it. Now: npm prune && npm run check && npm test')
})

function list(removed: string[]): void {
  const width = Math.max(...Object.keys(MODULES).map((name) => name.length)) + 2
  for (const [name, { about }] of Object.entries(MODULES)) {
    console.log(`${name.padEnd(width)}${removed.includes(name) ? '(removed) ' : ''}${about}`)
  }
}
