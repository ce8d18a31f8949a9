// What `npm run new` would write, in a temporary folder beside links to the rest of the project: its tests run there.
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Access } from '../../../scripts/new/access.ts'
import { mountsOf } from '../../../scripts/new/access.ts'
import { parseFields } from '../../../scripts/new/fields.ts'
import { type Names, parseNames } from '../../../scripts/new/names.ts'
import type { Refer } from '../../../scripts/new/brackets.ts'
import { parseRules, RULE } from '../../../scripts/new/rules.ts'
import { FACTORIES, fillTemplate } from '../../../scripts/new/template.ts'
import { addToFactories } from '../../../scripts/new/wire.ts'

const ROOT = join(import.meta.dir, '../../..')

export interface Slice {
  names: Names
  fields: string[]
  access: Access
}

/** Nothing of it is left after `remove`. */
export function fillInFolder(slices: Slice[]) {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'filled-')))
  const files = new Map<string, string>()
  for (const { names, fields: specs, access } of slices) {
    const [given, rules] = [false, true].map((isRule) => specs.filter((spec) => RULE.test(spec) === isRule))
    const fields = parseFields(given ?? [], names.snake, referIn(slices))
    for (const [path, text] of Object.entries(
      fillTemplate(names, fields, access, parseRules(rules ?? [], fields)),
    ))
      files.set(path, path === FACTORIES ? addToFactories(files.get(path) ?? '', text) : text)
  }
  files.set('test/support/harness.ts', harnessOf(slices))
  files.set('test/support/worker.ts', WORKER)
  for (const [path, text] of files) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  const link = (path: string) => symlinkSync(join(ROOT, path), join(root, path))
  for (const path of ['node_modules', 'package.json', 'test/kit']) link(path)
  for (const folder of ['src', 'test/support'])
    for (const name of readdirSync(join(ROOT, folder)))
      if (!existsSync(join(root, folder, name))) link(`${folder}/${name}`)
  return { root, remove: () => rmSync(root, { recursive: true }) }
}

/** A field that refers to something and is not optional. */
const NEEDS = /:(ref|account|file)\([^)]*\)(?!\?)/

const referIn =
  (slices: Slice[]): Refer =>
  (singular) => {
    const found = slices.find(({ names }) => names.path === parseNames(singular).path)
    if (found === undefined) throw new Error(`There is no ${singular}`)
    const { owned, publicRead, onDelete, softDelete } = found.access
    const seenBy = publicRead ? 'everybody' : owned ? 'owner' : 'accounts'
    return {
      names: found.names,
      seenBy,
      goesWithAccount: onDelete === 'cascade',
      isSoft: softDelete,
      needsOthers: found.fields.some((spec) => NEEDS.test(spec)),
    }
  }

const MOUNT = join(ROOT, 'scripts/new/template/support/mount.ts')

const harnessOf = (slices: Slice[]) => `
import { startWith } from '${MOUNT}'
${slices.map(({ names: { path } }) => `import * as ${path.replaceAll('-', '_')} from '../../src/${path}/routes.ts'`).join('\n')}
${slices.map(({ names: { many, path } }) => `import * as ${many}Table from '../../src/${path}/table.ts'`).join('\n')}
export const tables = { ${slices.map(({ names }) => `...${names.many}Table`).join(', ')} }
export const startApp = () =>
  startWith(tables, { ${slices
    .flatMap(({ names, access }) =>
      mountsOf(names, access).map(
        ({ route, name }) => `'${route}': ${names.path.replaceAll('-', '_')}.${name}`,
      ),
    )
    .join(', ')} })
`

const WORKER = `
import { startWorkerWith } from '${MOUNT}'
import { tables } from './harness.ts'
export const startTestWorker = (app) => startWorkerWith(tables, app)
`
