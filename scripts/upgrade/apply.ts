// Carries out an upgrade. It is run from the unpacked new release, so that a fault in an older one can be mended here.
//   bun <new release>/scripts/upgrade/apply.ts <project> <old release> <new release> [--dry-run]
// Older releases call it by these arguments. It imports no package before the project has those of the new release.
import { cpSync, existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { readArguments, runCommand } from '../command.ts'
import { findEdited, madeFrom } from '../kit-checksums.ts'
import { readManifest } from '../manifest.ts'
import { run, runTool, show } from '../tool.ts'
import { carryOut, type Change, describe } from './change.ts'
import { notesBetween } from './notes.ts'
import { LOCKFILE, planFiles, type Sides } from './plan-files.ts'
import { planManifest } from './plan-manifest.ts'
import { planMigrations } from './plan-migrations.ts'

const UNDO = 'Undo it by: git reset --hard && git clean -fd'

await runCommand('Usage: npm run upgrade', async () => {
  const { values, positionals } = readArguments({ 'dry-run': { type: 'boolean', default: false } }, 3)
  const [root = '', base = '', newer = ''] = positionals
  const sides = { root, base, newer }
  await makeAlike(sides)
  const [from = '', to = ''] = [base, newer].map(madeFrom)

  const edited = findEdited(root)
  const changes = [...planFiles(sides), ...planManifest(sides), ...planMigrations(sides)]
  console.log(`From ${from} to ${to}:\n${describe(changes)}`)
  if (edited.length > 0) {
    console.log(`\nYou had edited or added these files of the kit: git diff HEAD -- ${edited.join(' ')}`)
  }
  const notes = notesBetween(readFileSync(join(newer, 'UPGRADING.md'), 'utf8'), from, to)
  if (notes !== '') console.log(`\nUPGRADING.md says:\n\n${notes}`)
  if (values['dry-run']) return console.log('\nThis was a dry run: nothing has changed.')

  carryOut(root, changes)
  await runTool(root, 'oxfmt', ['package.json'])
  await addOwnPackages(sides, changes)
  const conflicts = changes.filter(({ what }) => what === 'conflict')
  if (conflicts.length > 0) {
    throw new Error(
      `\nYou and the release changed the same places. Decide in these files:\n${describe(conflicts)}\n` +
        `Then: npm run settings && npm run check && npm test, and commit. ${UNDO}`,
    )
  }
  for (const script of ['settings', 'check', 'test']) await runIn(root, 'node', 'scripts/run.mjs', script)
  const { refuseUngenerated } = await import('../generate.ts')
  await refuseUngenerated(root)
  const migrates = changes.some(({ path }) => path.endsWith('.sql'))
  console.log(
    `\nThe project stands on ${to}; check and tests pass. Nothing is committed: read git diff, then commit. ${UNDO}` +
      (migrates ? '\nIt brought migrations: npm run migrate, before the new code starts.' : ''),
  )
})

/** Both releases become the project as it was made: its name, and without the modules that it has removed. */
async function makeAlike({ root, base, newer }: Sides): Promise<void> {
  const { name, restbun } = readManifest(root)
  const args = [name, '--without', restbun?.removed?.join() ?? '']
  const make = (release: string) => run(release, [process.execPath, 'scripts/create/make.ts', ...args])
  await Promise.all([base, newer].map(make))
}

/**
 * The lockfile is the release's now. Where the project has other packages npm adds them to it: in the release's folder, since in
 * the project it would note in node_modules what is not there yet.
 */
async function addOwnPackages({ root, newer }: Sides, changes: Change[]): Promise<void> {
  const [mine, theirs] = [root, newer].map((side) => {
    const { dependencies, devDependencies } = readManifest(side)
    return { ...dependencies, ...devDependencies }
  })
  if (!changes.some(({ path }) => path === LOCKFILE) || Bun.deepEquals(mine, theirs)) return
  for (const file of ['package.json', '.npmrc'])
    if (existsSync(join(root, file))) cpSync(join(root, file), join(newer, file))
  await runIn(newer, 'npm', 'install', '--package-lock-only', '--ignore-scripts', '--no-audit', '--no-fund')
  cpSync(join(newer, LOCKFILE), join(root, LOCKFILE))
}

/** Shows what the command says. @throws Error if it fails */
async function runIn(root: string, ...command: string[]): Promise<void> {
  console.log(`\n$ ${command.join(' ')}`)
  if (await show(root, ...command)) return
  throw new Error(
    `\n${command.join(' ')} failed. The upgrade is there, and not committed: mend that, or ${UNDO}`,
  )
}
