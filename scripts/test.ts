// `npm test`: all tests, in parallel, on services that exist for this run only. Arguments go to `bun test`.
// A project of its own name has its own tests in test/, and leaves those of test/kit until they are named
// (`npm run test:kit`). Those of test/slow start whole machineries: they run when they are named (`npm run test:slow`),
// one after the other; those of test/slow/machines make networks, and are named apart (`npm run test:machines`).
//
// TEST_DATABASE_URL and TEST_REDIS_URL name servers to use instead of embedded ones; TEST_REDIS=embedded keeps to the
// embedded Redis where a redis-server is installed. DATABASE_URL and REDIS_URL are never read.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { resolve } from 'node:path'
import { name } from '../package.json'
import { makeTemporaryFolder } from './services/memory-folder.ts'
import { prepareTestRun } from './services/test-run.ts'

// Tests wait for processes and services a third of their time: two workers more than there are cores keep these busy.
const WORKERS = availableParallelism() + 2
/** What each file took in the last whole run: the longest begin, so that none is left alone at the end. */
const TIMINGS = 'node_modules/.cache/test-timings.json'

console.error('Preparing databases of this run ...')
const temporary = makeTemporaryFolder()
process.env.TMPDIR = temporary // of the services and the tests
process.on('exit', () => rmSync(temporary, { recursive: true, force: true }))
const { run, close } = await prepareTestRun(process.env)
// A busy machine is slow, and that is no failure: tests wait for what they wait for.
const options = ['--timeout=600000']
// `npm run test:slow -- test/slow/fork` runs that one: what an npm script names gives way to what is named below it.
const given = process.argv
  .slice(2)
  .filter((folder, _, all) => !all.some((one) => one.startsWith(`${folder}/`)))
const asksFor = (folder: string) => given.some((argument) => argument.includes(folder))
const isSlow = asksFor('test/slow')
const apart = [
  'test/slow/machines',
  ...(isSlow ? [] : ['test/slow', ...(name === 'restbun' ? [] : ['test/kit'])]),
]
const leftOut = apart
  .filter((folder) => !asksFor(folder))
  .map((folder) => `--path-ignore-patterns=${folder}/**`)
const isWhole = given.every((argument) => argument.startsWith('-'))
const timed = isWhole ? [`--timings=${TIMINGS}`, '--update-timings'] : []
const lane = isSlow ? [] : [`--parallel=${WORKERS}`, '--only-failures', ...timed]
const tests = spawn(process.execPath, ['test', ...options, ...lane, ...leftOut, ...given], {
  cwd: resolve(import.meta.dir, '..'),
  // Set but empty, so that no test can reach a development database by way of .env.
  env: {
    ...process.env,
    ...run,
    NODE_ENV: 'test',
    DATABASE_URL: '',
    DATABASE_REPLICA_URL: '',
    MIGRATE_DATABASE_URL: '',
    REDIS_URL: '',
  },
  stdio: 'inherit',
})
// Both end by a signal, but this process only after it has cleaned up behind the tests.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => tests.kill(signal))

const [code] = (await once(tests, 'exit')) as [number | null]
await close()
process.exit(code ?? 1)
