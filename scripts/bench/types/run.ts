// What route declarations cost the type checker: 100 routes with `doc`, `requireRole` and `validate`, and a client that
// calls them, against the same routes in plain Hono with `zValidator`.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { takeArguments } from '../../command.ts'
import { ours, plain, type Style } from './styles.ts'

const ROOT = join(import.meta.dir, '../../..')
const SLICES = 20 // of five routes each
const LIMIT = 1.5

const USAGE = `Usage: npm run bench:types [-- <rounds>]   exits 1 if ours takes more than ${LIMIT} times the instantiations`
const [given = '5'] = takeArguments(USAGE, {}, 1).positionals
const ROUNDS = Number(given)

interface Cost {
  instantiations: number
  types: number
  /** Processor seconds of the compiler: the least of the rounds, since others may keep the machine busy. */
  time: number
}

/** Writes an app of so many slices, with its client; answers the folder. */
function write(folder: string, style: Style, slices: number): string {
  const files = join(folder, `${style.name}-${slices}`)
  const names = Array.from({ length: slices }, (_, i) => `things${i}`)
  mkdirSync(files)
  for (const name of names) writeFileSync(join(files, `${name}.ts`), style.slice(name))
  writeFileSync(join(files, 'app.ts'), style.app(names))
  writeFileSync(join(files, 'client.ts'), client(names))
  const config = { extends: '../../../tsconfig.json', include: ['.'], exclude: [] }
  writeFileSync(join(files, 'tsconfig.json'), JSON.stringify(config))
  return files
}

/** One run of the compiler. @throws with its output if the generated code does not compile */
async function check(files: string): Promise<Cost> {
  const tsc = Bun.spawn(
    [join(ROOT, 'node_modules/.bin/tsc'), '-p', files, '--extendedDiagnostics', '--singleThreaded'],
    { stdout: 'pipe', stderr: 'inherit' },
  )
  const [text, code] = await Promise.all([tsc.stdout.text(), tsc.exited])
  if (code !== 0) throw new Error(`the generated routes do not compile:\n${text.slice(0, 2000)}`)
  const figure = (name: string) => Number(new RegExp(`^${name}:\\s+([\\d.]+)`, 'm').exec(text)?.[1])
  const time = Number(tsc.resourceUsage()?.cpuTime.total) / 1e6
  return { instantiations: figure('Instantiations'), types: figure('Types'), time }
}

/** Calls two routes of every slice, as a front-end does. */
function client(names: string[]): string {
  const calls = names.map(
    (name) => `
export async function use_${name}(): Promise<string> {
  const made = await api.api.${name}.$post({ json: { title: 'a', count: 1 } })
  const found = await api.api.${name}.$get({ query: { search: 'a' } })
  // Plain validators put the shape of their errors among the answers: both are told apart by the status.
  if (made.status !== 201 || found.status !== 200) throw new Error('refused')
  const [first] = await found.json()
  return (await made.json()).title + String(first?.created satisfies string | undefined)
}
`,
  )
  return `import { hc } from 'hono/client'
import type { AppType } from './app.ts'
export const api = hc<AppType>('http://localhost')
${calls.join('')}`
}

const show = ({ instantiations, types, time }: Cost) =>
  `${instantiations} instantiations, ${types} types, ${time.toFixed(2)} s`

const data = join(ROOT, '.data') // where git does not look
mkdirSync(data, { recursive: true })
const folder = mkdtempSync(join(data, 'types-'))
try {
  const apps = [plain, ours].flatMap((style) => [write(folder, style, 0), write(folder, style, SLICES)])
  const rounds: Cost[][] = []
  for (let round = 0; round < ROUNDS; round++) {
    const costs: Cost[] = []
    for (const app of apps) costs.push(await check(app))
    rounds.push(costs)
  }
  const best = (nth: number) => {
    const [least] = rounds.flatMap((costs) => costs[nth] ?? []).toSorted((a, b) => a.time - b.time)
    if (least === undefined) throw new Error(`it takes one round or more, not ${given}`)
    return least
  }
  const [none, base, , own] = apps.map((_, nth) => best(nth)) as [Cost, Cost, Cost, Cost]
  console.log(`without a route: ${show(none)}`)
  console.log(`plain Hono:      ${show(base)}`)
  console.log(`ours:            ${show(own)}`)
  const ratio = own.instantiations / base.instantiations
  const ofRoutes = (own.instantiations - none.instantiations) / (base.instantiations - none.instantiations)
  console.log(
    `ours / plain: ${ratio.toFixed(2)} in instantiations (${ofRoutes.toFixed(2)} for the routes alone), ` +
      `${(own.time / base.time).toFixed(2)} in time`,
  )
  if (ratio > LIMIT) process.exitCode = 1
} finally {
  rmSync(folder, { recursive: true })
}
