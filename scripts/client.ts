// `npm run client`: writes the API's types as a small package of their own, for front-ends in other repositories.
//   npm run client [-- folder | file.ts]      (default: client)
// Both need hono and nothing else: no source of this repository, none of its packages, no types of Bun.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { dependencies, name, version } from '../package.json'
import { type ApiRoute, errorsOf } from '../src/kit/http/doc.ts'
import { WITHOUT_ROUTE } from '../src/kit/http/method-not-allowed.ts'
import { codeText, DECLARATIONS, HONO_IMPORTS, PART_IMPORTS, typesText } from './client/texts.ts'
import { readArguments, runCommand } from './command.ts'
import { findTool } from './tool.ts'

const ROOT = join(import.meta.dir, '..')
const USAGE = `Usage: npm run client [-- folder | file.ts]
Writes the typed client there: a package in a folder, client/ by default, or all of it as one file of TypeScript`

/** Written by tsc in full, as any type that is inferred and has no name. */
const ENTRY = `import type { z } from 'zod'
import type { ExtractSchema } from 'hono/types'
import type { JSONValue } from 'hono/utils/types'
import type { AppType } from '../../src/app.ts'
import type { ErrorBody } from '../../src/kit/http/errors.ts'

// Fields are made anew, or else tsc writes a field of an unknown type as the zod schema that declares it.
// Bytes and streams are no JSON: nothing is said of them.
type Plain<T> = JSONValue extends T
  ? JSONValue
  : T extends ArrayBuffer | ArrayBufferView | Blob | ReadableStream
    ? {}
    : T extends readonly (infer Item)[]
      ? Plain<Item>[]
      : T extends object
        ? Joined<{ [K in Needed<T>]: Plain<T[K]> } & { [K in Exclude<keyof T, Needed<T>>]?: Plain<T[K]> }>
        : T
type Needed<T> = { [K in keyof T]-?: {} extends Pick<T, K> ? never : K }[keyof T]
type Joined<T> = T extends infer Both ? { [K in keyof Both]: Both[K] } : never
declare function plain<T>(): Plain<T>
export const schema = plain<{ routes: ExtractSchema<AppType>; error: Omit<z.output<typeof ErrorBody>, 'code'> }>()
`

/** What the package has of the kit: retries, lists, and what modules bring, such as `subscribe`. */
const PARTS = [
  'src/kit/reference/retry',
  'src/kit/reference/list-items',
  ...[...new Bun.Glob('src/kit/*/client.ts').scanSync(ROOT)].map((path) => path.replace(/\.ts$/, '')),
]

/** A module's part has the name of its folder: `import { subscribe } from '.../channels.js'`. */
const nameOf = (path: string) => (basename(path) === 'client' ? basename(dirname(path)) : basename(path))

const sourceOf = (path: string) => readFileSync(join(ROOT, `${path}.ts`), 'utf8')
const transpile = (source: string) => new Bun.Transpiler({ loader: 'ts' }).transformSync(source)

const TSCONFIG = {
  extends: '../../tsconfig.json',
  compilerOptions: {
    noEmit: false,
    declaration: true,
    emitDeclarationOnly: true,
    rootDir: '../..',
    outDir: 'out',
  },
  files: ['entry.ts', ...PARTS.map((path) => `../../${path}.ts`)],
  include: [],
}

/**
 * Writes the client: into a file if the path ends with .ts, else a package into that folder.
 * @throws with the compiler's words if the app does not compile
 */
export async function writeClient(path: string): Promise<void> {
  const { schema, typesOf } = await describeTypes()
  const { describedRoutes } = await import('./described-routes.ts') // an app that does not compile has been refused
  const routes = describedRoutes({})
  const from = `// Written by \`npm run client\` from ${name} ${version}.\n`
  const types = typesText(schema, codesOf(routes))
  const code = codeText(idempotentOf(routes))
  if (path.endsWith('.ts')) {
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, [from + HONO_IMPORTS, types, code, ...PARTS.map(sourceOf)].join('\n'))
    return
  }
  mkdirSync(path, { recursive: true })
  const write = (file: string, text: string) => writeFileSync(join(path, file), text)
  const manifest = {
    name: `${name}-client`,
    version,
    type: 'module',
    main: 'index.js',
    types: 'index.d.ts',
    peerDependencies: { hono: `^${dependencies.hono}` },
  }
  write('package.json', `${JSON.stringify(manifest, null, 2)}\n`)
  for (const part of PARTS) {
    write(`${nameOf(part)}.js`, transpile(sourceOf(part)))
    write(`${nameOf(part)}.d.ts`, typesOf.get(part) ?? '')
  }
  write('index.js', transpile([HONO_IMPORTS, PART_IMPORTS, code].join('')))
  write('index.d.ts', [from + HONO_IMPORTS, PART_IMPORTS, types, DECLARATIONS].join('\n'))
}

/** The codes of all errors, those of paths and methods without a route too. */
const codesOf = (routes: ApiRoute[]) =>
  errorsOf([...routes, { errors: WITHOUT_ROUTE, commonErrors: [] }]).map(({ code }) => code)

/** The routes with the word `idempotent()`: `POST /api/books`. */
const idempotentOf = (routes: ApiRoute[]) =>
  routes
    .filter(({ requestHeaders = [] }) => requestHeaders.some((header) => header.name === 'Idempotency-Key'))
    .map(({ method, path }) => `${method} ${path}`)

/** Of other files than ours: a type that `export` shows is inferred there, and too long a way off to be written. */
const isHarmless = (fault: string) =>
  / error TS(2527|2742|2883|4\d{3}|9\d{3}):/.test(fault) && !/^\S*\bentry\.ts\(/.test(fault)

/** The text of the type that holds every path, method, input and answer, and the types of what sends requests again. */
async function describeTypes() {
  mkdirSync(join(ROOT, '.data'), { recursive: true })
  const work = mkdtempSync(join(ROOT, '.data/client-'))
  try {
    writeFileSync(join(work, 'entry.ts'), ENTRY)
    writeFileSync(join(work, 'tsconfig.json'), JSON.stringify(TSCONFIG))
    const tsc = Bun.spawn([findTool(ROOT, 'tsc'), '-p', work], {
      stdout: 'pipe',
      stderr: 'inherit',
    })
    const [said, code] = await Promise.all([tsc.stdout.text(), tsc.exited])
    const faults = said.split(/\n(?!\s)/).filter((fault) => /(^| )error TS/.test(fault) && !isHarmless(fault))
    const file = join(work, 'out', relative(ROOT, work), 'entry.d.ts')
    if (faults.length > 0 || !existsSync(file)) {
      const why = faults.join('\n') || `tsc ended with exit code ${code} and wrote nothing:\n${said}`
      throw new Error(`the app does not compile, so it has no types to write:\n${why}`)
    }
    const written = readFileSync(file, 'utf8')
    const schema = /declare const schema: ([^]*?);?\n(?:export \{\};?\n)?$/.exec(written)?.[1]
    if (schema === undefined || /import\("(?!hono)|\btypeof\b/.test(schema)) {
      throw new Error(`tsc has not written the API's types in full; look at it:\n${written.slice(0, 20_000)}`)
    }
    const typesOf = new Map(
      PARTS.map((path) => [path, readFileSync(join(work, 'out', `${path}.d.ts`), 'utf8')]),
    )
    return { schema, typesOf }
  } finally {
    rmSync(work, { recursive: true })
  }
}

if (import.meta.main) {
  await runCommand(USAGE, async () => {
    const [given = join(ROOT, 'client')] = readArguments({}, 1).positionals
    const path = resolve(given)
    console.log('Compiling the app for the types of its API: this takes up to a minute ...')
    await writeClient(path)
    const wanted = path.endsWith('.ts') ? '' : `${path}, and `
    console.log(`Wrote ${path}. In the front-end: npm install ${wanted}hono ${dependencies.hono}`)
  })
}
