// What a slice adds to files that are there: its import and its line to app.ts, its factory to those of the tests, and the first
// one with --soft-delete the purge to tasks.ts and crons.ts.
import type { Names } from './names.ts'

const IMPORT = /^import .* from '(\.\/[^']+)'$/gm
/** All of the chain: its lines are indented further than the statement. */
const CHAIN = /^ *const routed = app\b.*(\n {4,}.*)*/m

/** @param app the text of app.ts @throws Error if it has no place for the slice */
export function addToApp(
  app: string,
  { many, path }: Names,
  mounts = [{ route: `/api/${path}`, name: many }],
): string {
  const [chain] = CHAIN.exec(app) ?? []
  if (chain === undefined) {
    throw new Error(
      `src/app.ts has no \`const routed = app\` with the slices: nothing shows where .route('/api/${path}', ${many}) belongs`,
    )
  }
  const lines = mounts.map(({ route, name }) => `\n    .route('${route}', ${name})`).join('')
  const wired = app.replace(chain, () => chain + lines)
  return addImport(wired, mounts.map(({ name }) => name).join(', '), `./${path}/routes.ts`)
}

const PURGE = './kit/jobs/purge-deleted.ts'
const CRON = `defineCron({ name: 'purge-deleted', schedule: '15 3 * * *', task: purgeDeleted, input: {} })`

/** Once for all tables. @throws Error if the file has no such list */
export const addPurgeToTasks = (tasks: string) => addPurge(tasks, 'tasks', 'purgeDeleted')
export const addPurgeToCrons = (crons: string) => addPurge(crons, 'crons', CRON)

function addPurge(text: string, list: 'tasks' | 'crons', element: string): string {
  if (/\bpurgeDeleted\b/.test(text)) return text
  const [declared] = new RegExp(`^export const ${list} = \\[[^]*?(?=\\n?\\])`, 'm').exec(text) ?? []
  if (declared === undefined)
    throw new Error(
      `src/${list}.ts has no \`export const ${list} = [\`: nothing shows where ${element} belongs`,
    )
  const comma = /[[,]\s*$/.test(declared) ? '' : ','
  return addImport(
    text.replace(declared, () => `${declared}${comma}\n  ${element},`),
    'purgeDeleted',
    PURGE,
  )
}

/** In the order of paths. */
function addImport(text: string, name: string, from: string): string {
  const imports = [...text.matchAll(IMPORT)]
  const next = imports.find(([, file = '']) => file > from)
  const last = imports.at(-1)
  const at = next?.index ?? (last === undefined ? 0 : last.index + last[0].length + 1)
  return `${text.slice(0, at)}import { ${name} } from '${from}'\n${text.slice(at)}`
}

const WHOLE_IMPORT = /^import [^']*'[^']+'\n/gm

/** The text of test/factories.ts with the imports that a factory takes. @param slice the same with that factory alone */
export function addImports(file: string, slice: string): string {
  const imports = slice.match(WHOLE_IMPORT) ?? []
  // A value serves as its type, too, and comes in the place of that.
  const valueOf = (line: string) => line.replace('import type {', 'import {')
  const typeOf = (line: string) => line.replace('import {', 'import type {')
  const values = imports.filter((line) => line === valueOf(line))
  const wider = values.reduce((text, line) => text.replace(typeOf(line), line), file)
  const missing = imports.filter((line) => !wider.includes(line) && !wider.includes(valueOf(line))).join('')
  const last = [...wider.matchAll(WHOLE_IMPORT)].at(-1)
  const at = last === undefined ? wider.search(/^(?!\/\/)/m) : last.index + last[0].length
  return `${wider.slice(0, at)}${missing}${wider.slice(at)}`
}

/**
 * @param file the text of test/factories.ts, empty if there is none
 * @param slice the same with the factory of the slice alone
 */
export function addToFactories(file: string, slice: string): string {
  if (file === '') return slice
  return `${addImports(file, slice)}\n${slice.slice(slice.indexOf('export const'))}`
}
