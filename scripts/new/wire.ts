// What a slice adds to app.ts: its import and its line.
import type { Names } from './names.ts'

const IMPORT = /^import .* from '(\.\/[^']+)'$/gm
/** All of the chain: its lines are indented further than the statement. */
const CHAIN = /^ *const routed = app\b.*(\n {4,}.*)*/m

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

/** In the order of paths. */
function addImport(text: string, name: string, from: string): string {
  const imports = [...text.matchAll(IMPORT)]
  const next = imports.find(([, file = '']) => file > from)
  const last = imports.at(-1)
  const at = next?.index ?? (last === undefined ? 0 : last.index + last[0].length + 1)
  return `${text.slice(0, at)}import { ${name} } from '${from}'\n${text.slice(at)}`
}
