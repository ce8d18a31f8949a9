// The two lines of src/app.ts that a slice consists of there: its import and its route.
import type { Names } from './names.ts'

const IMPORT = /^import .* from '(\.\/[^']+)'$/gm
const ROUTE = /\.route\('\/api[^']*', \w+\)/g

/**
 * The text of app.ts with the slice in it; the import stands in the order of paths, the route after the other ones.
 * @throws Error if the text has no place for it
 */
export function addToApp(app: string, { many, path }: Names): string {
  const line = `import { ${many} } from './${path}/routes.ts'\n`
  const imports = [...app.matchAll(IMPORT)]
  const next = imports.find(([, file = '']) => file > `./${path}/routes.ts`)
  const last = imports.at(-1)
  const route = [...app.matchAll(ROUTE)].at(-1)
  if (last === undefined || route === undefined) {
    throw new Error(
      `src/app.ts has no import of a slice and no line such as .route('/api/${path}', ${many}): ` +
        `nothing shows where the new ones belong`,
    )
  }
  const routeEnd = route.index + route[0].length
  const wired = `${app.slice(0, routeEnd)}\n    .route('/api/${path}', ${many})${app.slice(routeEnd)}`
  const importAt = next?.index ?? last.index + last[0].length + 1
  return wired.slice(0, importAt) + line + wired.slice(importAt)
}
