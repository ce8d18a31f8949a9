// A service as production runs it: a supervisor with its processes, on a database, a port and a key prefix of its own.
import { cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isAlive } from '../../../scripts/services/child.ts'
import type { LogRecord } from '../../../src/kit/log/pretty.ts'
import { readStatus, type ProcessStatus } from '../../../src/kit/process/status.ts'
import { withStats } from '../../../src/kit/process/supervisor-link.ts'
import { showUnexpected } from './server-errors.ts'
import { createDatabase, deletePrefix, serverEnv, uniquePrefix, type Tables } from './services.ts'
import { freePort } from './ports.ts'
import { until } from './until.ts'

const ROOT = join(import.meta.dir, '../../..')
/** The product that is served, below the checkout. */
export const PRODUCT = 'test/kit/product'

export type Service = Awaited<ReturnType<typeof startService>>

/**
 * Starts it in development mode, where there are endpoints that block and leak, and waits until all of it is ready.
 * @param options.folder the checkout to run, if it is not this one
 * @param options.of whose service: the kit's product, or the project
 */
export async function startService(
  env: Record<string, string> = {},
  options: {
    folder?: string
    /** Variables that stand in the folder's `.env`, and so may change with a reload. */
    envFile?: (databaseUrl: string) => Record<string, string>
    untilReady?: boolean
    of?: Tables
  } = {},
) {
  const { of = 'kit' } = options
  const entry = `${of === 'kit' ? PRODUCT : 'src'}/supervisor.ts`
  const database = await createDatabase(of)
  const prefix = uniquePrefix()
  const dataDir = mkdtempSync(join(tmpdir(), 'restbun-supervised-'))
  const port = await freePort()
  const folder = options.folder ?? ROOT
  const inFile = options.envFile?.(database.url) ?? {}
  if (options.envFile) writeEnvFile(folder, inFile)
  const inherited: Record<string, string> = {
    ...serverEnv(database.url, prefix),
    PWD: folder,
    DATA_DIR: dataDir,
    PORT: String(port),
    WEB_PROCESSES: '2',
    WORKER_PROCESSES: '0',
    LOG_LEVEL: 'info',
    LOG_FORMAT: 'json',
    ...env,
  }
  for (const name of Object.keys(inFile)) delete inherited[name]
  const child = Bun.spawn([process.execPath, '--no-orphans', '--no-env-file', entry], {
    cwd: folder,
    env: inherited,
    stdout: 'pipe',
    stderr: 'pipe',
  })
  let output = ''
  let shown = 0
  const read = async (stream: ReadableStream<Uint8Array>) => {
    for await (const chunk of stream) {
      output += new TextDecoder().decode(chunk)
      const end = output.lastIndexOf('\n') + 1
      linesOf(output.slice(shown, end), '"level":"error"').forEach(showUnexpected)
      shown = end
    }
  }
  const ended = Promise.all([read(child.stdout), read(child.stderr), child.exited])
  let boards: string | undefined
  const status = () => {
    const now = readStatus(dataDir)
    boards = now?.boards ?? boards
    return now
  }
  const processes = (state?: string): ProcessStatus[] =>
    (status()?.processes ?? []).filter((p) => state === undefined || p.state === state)
  const { WEB_PROCESSES = 2, WORKER_PROCESSES = 0, ECHO_PROCESSES = 0, SCRIBE_PROCESSES = 0 } = env
  const wanted = [WEB_PROCESSES, WORKER_PROCESSES, ECHO_PROCESSES, SCRIBE_PROCESSES].reduce<number>(
    (sum, count) => sum + Number(count),
    0,
  )
  const pids = () => processes().map(({ pid }) => pid)

  const service = {
    databaseUrl: database.url,
    prefix,
    url: `http://127.0.0.1:${port}`,
    child,
    dataDir,
    folder,
    output: () => output,
    status,
    processes,
    pids,
    /** The lines of the log so far that hold a text, parsed. */
    lines: (text: string): LogLine[] => linesOf(output, text),
    /** A process has a request in hand. */
    isServing: () =>
      processes()
        .map(withStats)
        .some(({ inFlight }) => inFlight > 0),
    /** Resolves when all that should run are ready, and nothing else runs. */
    untilSteady: () =>
      until(
        `${wanted} processes to be ready`,
        () => processes().length === wanted && processes('ready').length === wanted,
      ),
    /** Asks for a rolling reload, and resolves with its result. */
    async reload() {
      const before = status()?.reload?.number ?? 0
      child.kill('SIGHUP')
      return until('the reload to end', () => {
        const last = status()?.reload
        return last && last.number > before && last.result !== 'running' ? last : undefined
      })
    },
    /** The exit code, when all of the output has been read. */
    exit: async () => (await ended)[2],
    async close() {
      const last = pids()
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM')
      await ended
      await until('every process to end', () => !last.some(isAlive))
      // A supervisor that was killed leaves it to the next one.
      if (boards !== undefined) rmSync(boards, { recursive: true, force: true })
      rmSync(dataDir, { recursive: true })
      await deletePrefix(prefix)
      await database.drop()
    },
  }
  if (options.untilReady !== false) {
    const died = child.exited.then((code) => {
      throw new Error(`the supervisor ended (${code}):\n${output}`)
    })
    died.catch(() => {})
    await Promise.race([service.untilSteady(), died])
  }
  return service
}

/** The whole lines of a log in JSON that hold a text, parsed. */
const linesOf = (output: string, text: string): LogLine[] =>
  output
    .split('\n')
    .slice(0, -1)
    .filter((line) => line.startsWith('{') && line.includes(text))
    .flatMap(parsed)

/** A process that is killed may leave half a line. */
function parsed(line: string): LogLine[] {
  try {
    return [JSON.parse(line) as LogLine]
  } catch {
    return []
  }
}

export type LogLine = LogRecord & { msg: string; pid: number }

export const writeEnvFile = (folder: string, variables: Record<string, string>) =>
  writeFileSync(
    join(folder, '.env'),
    Object.entries(variables)
      .map(([name, value]) => `${name}=${value}\n`)
      .join(''),
  )

/** A checkout of its own, whose code may be spoiled. */
export function copyCheckout(): string {
  const copy = mkdtempSync(join(tmpdir(), 'restbun-release-'))
  for (const name of ['src', PRODUCT]) cpSync(join(ROOT, name), join(copy, name), { recursive: true })
  for (const name of ['package.json', 'tsconfig.json']) cpSync(join(ROOT, name), join(copy, name))
  for (const name of ['drizzle', 'node_modules']) symlinkSync(join(ROOT, name), join(copy, name))
  return copy
}
