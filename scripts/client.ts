// `npm run client`: writes the API's types as a small package of their own, for front-ends in other repositories.
//   npm run client [-- folder]      (default: client)
// The package needs hono and nothing else: no source of this repository, none of its packages, no types of Bun.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { dependencies, name, version } from '../package.json'
import { type ApiRoute, errorsOf } from '../src/kit/http/doc.ts'
import { WITHOUT_ROUTE } from '../src/kit/http/method-not-allowed.ts'
import { readArguments, runCommand } from './command.ts'
import { findTool } from './tool.ts'

const ROOT = join(import.meta.dir, '..')
const USAGE = 'Usage: npm run client [-- folder]   writes the typed client there, or into client/'

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

/** Sends requests again; the package has it whole. */
const RETRY = 'src/kit/reference/retry'

/** What modules bring to the package, each under the name of its folder: `import { subscribe } from '.../channels.js'`. */
const OF_MODULES = [...new Bun.Glob('src/kit/*/client.ts').scanSync(ROOT)].map((path) =>
  path.replace(/\.ts$/, ''),
)

const codeOf = (idempotent: string[]) => `import { hc } from 'hono/client'
import { retryingFetch, withKeys } from './retry.js'

const IDEMPOTENT = ${JSON.stringify(idempotent, null, 2)}

export const createClient = (baseUrl, { retry, fetch, ...options } = {}) =>
  withKeys(hc(baseUrl, { ...options, fetch: retryingFetch(retry, fetch) }), IDEMPOTENT)

export async function errorOf(response) {
  if (response.ok) return undefined
  const body = await response.clone().json().catch(() => undefined)
  return typeof body?.code === 'string' ? body : undefined
}
`

const TSCONFIG = {
  extends: '../../tsconfig.json',
  compilerOptions: {
    noEmit: false,
    declaration: true,
    emitDeclarationOnly: true,
    rootDir: '../..',
    outDir: 'out',
  },
  files: ['entry.ts', ...[RETRY, ...OF_MODULES].map((path) => `../../${path}.ts`)],
  include: [],
}

/**
 * Writes package.json and the modules index and retry, with their types, into the folder.
 * @throws with the compiler's words if the app does not compile
 */
export async function writeClient(folder: string): Promise<void> {
  const { schema, typesOf } = await describeTypes()
  const { describedRoutes } = await import('./described-routes.ts') // an app that does not compile has been refused
  const routes = describedRoutes({})
  mkdirSync(folder, { recursive: true })
  const manifest = {
    name: `${name}-client`,
    version,
    type: 'module',
    main: 'index.js',
    types: 'index.d.ts',
    peerDependencies: { hono: `^${dependencies.hono}` },
  }
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`)
  for (const path of [RETRY, ...OF_MODULES]) {
    const module = path === RETRY ? 'retry' : basename(dirname(path))
    const source = readFileSync(join(ROOT, `${path}.ts`), 'utf8')
    const code = new Bun.Transpiler({ loader: 'ts' }).transformSync(source)
    writeFileSync(join(folder, `${module}.js`), code)
    writeFileSync(join(folder, `${module}.d.ts`), typesOf.get(path) ?? '')
  }
  writeFileSync(join(folder, 'index.js'), codeOf(idempotentOf(routes)))
  writeFileSync(
    join(folder, 'index.d.ts'),
    `// Written by \`npm run client\` from ${name} ${version}.
import type { Hono } from 'hono'
import type { ClientRequestOptions, hc } from 'hono/client'
import type { JSONValue } from 'hono/utils/types'
import type { RetryOptions } from './retry.js'

type Api = ${schema}

/** What the API takes and answers, for \`hc\` of hono/client. */
export type AppType = Hono<{}, Api['routes'], '/'>

/**
 * A client of the API at a URL. For cookies from another origin: \`{ init: { credentials: 'include' } }\`.
 * It sends again what fails in passing, a POST too where the API does it once for its \`Idempotency-Key\`, which the client adds.
 */
export declare const createClient: (
  baseUrl: string,
  options?: ClientRequestOptions & { retry?: RetryOptions },
) => ReturnType<typeof hc<AppType>>

export type { RetryOptions }

/** The codes of errors. A later version of the API may bring new ones: let a \`switch\` have a default. */
export type ErrorCode =${codesOf(routes)
      .map((code) => `\n  | '${code}'`)
      .join('')}

/** The body of an error. A code may bring more, as the API list says of it. */
export type ErrorBody = Api['error'] & { code: ErrorCode; [more: string]: unknown }

/** The error of a failed response. Undefined for a success, and for what another than the API answers, such as a proxy. */
export declare function errorOf(response: Pick<Response, 'ok' | 'clone'>): Promise<ErrorBody | undefined>
`,
  )
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
      [RETRY, ...OF_MODULES].map((path) => [path, readFileSync(join(work, 'out', `${path}.d.ts`), 'utf8')]),
    )
    return { schema, typesOf }
  } finally {
    rmSync(work, { recursive: true })
  }
}

if (import.meta.main) {
  await runCommand(USAGE, async () => {
    const [given = join(ROOT, 'client')] = readArguments({}, 1).positionals
    const folder = resolve(given)
    await writeClient(folder)
    console.log(`Wrote ${folder}. In the front-end: npm install ${folder}, and hono ${dependencies.hono}`)
  })
}
