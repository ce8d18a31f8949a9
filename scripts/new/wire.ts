// What a slice adds to files that are there: its import and line in app.ts, and its part of an account's export.
import { capital, type Names } from './names.ts'

const IMPORT = /^import .* from '(\.\/[^']+)'$/gm
/** All of the chain: its lines are indented further than the statement. */
const CHAIN = /^ *const routed = app\b.*(\n {4,}.*)*/m
const EXPORT_PARTS = /^const exportParts: Record<string, ExportPart> = \{(\n {2,}.*)*/m

/** @param app the text of app.ts @throws Error if it has no place for the slice */
export function addToApp(app: string, { many, path }: Names): string {
  const [chain] = CHAIN.exec(app) ?? []
  if (chain === undefined) {
    throw new Error(
      `src/app.ts has no \`const routed = app\` with the slices: nothing shows where .route('/api/${path}', ${many}) belongs`,
    )
  }
  const wired = app.replace(chain, () => `${chain}\n    .route('/api/${path}', ${many})`)
  return addImport(wired, many, `./${path}/routes.ts`)
}

/** @param tasks the text of tasks.ts; undefined if it has no export any more */
export function addToExport(tasks: string, { many, path }: Names): string | undefined {
  const [parts] = EXPORT_PARTS.exec(tasks) ?? []
  if (parts === undefined) return undefined
  const list = `list${capital(many)}`
  const line = `${many}: (db, creator, page) => ${list}(db, { creator, ...page }),`
  const wired = tasks.replace(parts, () => `${parts}\n  ${line}\n`)
  return addImport(wired, list, `./${path}/queries.ts`)
}

/** In the order of paths. */
function addImport(text: string, name: string, from: string): string {
  const imports = [...text.matchAll(IMPORT)]
  const next = imports.find(([, file = '']) => file > from)
  const last = imports.at(-1)
  const at = next?.index ?? (last === undefined ? 0 : last.index + last[0].length + 1)
  return `${text.slice(0, at)}import { ${name} } from '${from}'\n${text.slice(at)}`
}
