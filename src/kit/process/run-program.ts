// Runs one process of a program: connects, lets its module run, and gives it time to end at a signal.
import type { Manifest } from '../assemble.ts'
import type { KitConfig } from '../config/kit-config.ts'
import type { ProductSettings } from '../config/settings.ts'
import type { Schema } from '../data/owned-rows.ts'
import type { KitDeps } from '../deps.ts'
import { ConfigError } from '../types/config-error.ts'
import { boot } from './lifecycle.ts'
import { countPrograms, type Program } from './program.ts'
import { joinSupervisor, readArguments } from './supervised.ts'

export interface RunProgramOptions<C extends KitConfig, R extends string, O extends object> {
  settings: ProductSettings<C>
  programs: readonly Program<C, KitDeps<C, R> & O & { schema: Schema }>[]
  /** Is loaded to run a program, not to list them. */
  manifest(this: void): Promise<{ manifest: Manifest<R, C, O> }>
  /** The folder below which each `table.ts` is found: programs get them as `deps.schema`. */
  tablesIn: string
}

/** Runs what the command line names (`--program 'gateway 1'`), or prints the programs for the supervisor (`--list`). */
export const runProgram = <C extends KitConfig, R extends string, O extends object>({
  settings,
  programs,
  manifest,
  tablesIn,
}: RunProgramOptions<C, R, O>): Promise<void> =>
  boot(async ({ isAlone }) => {
    const config = settings.load()
    const counts = countPrograms(programs, config)
    const { list, program: wanted = '' } = readArguments()
    if (list) {
      await Bun.write(Bun.stdout, `${JSON.stringify(counts)}\n`)
      process.exit(0)
    }
    const [name, number = '1'] = wanted.split(' ')
    const program = programs.find((one) => one.name === name)
    if (!program) {
      const known = counts.map((one) => one.name).join(', ') || 'none'
      throw new ConfigError(`--program "${wanted}": programs.ts declares no such program, but ${known}`)
    }
    const [{ run }, { createDeps }, { refuseMissingDatabase }, { loadSchema }, product] = await Promise.all([
      program.module(),
      import('../create-deps.ts'),
      import('../data/redis.ts'),
      import('../data/tables.ts'),
      manifest(),
    ])
    if (typeof run !== 'function')
      throw new ConfigError(`programs.ts: the module of "${name}" exports no function \`run\``)
    const ofLog = { program: `${name} ${number}` }
    const { deps, log, redis, watched, close } = createDeps(config, product.manifest, undefined, ofLog)
    await refuseMissingDatabase(redis)
    const schema = await loadSchema(tablesIn)
    const { isSupervised, note, waitIfReplacing, reportUp, reportDraining } = joinSupervisor(watched)

    const stopping = new AbortController()
    const { signal } = stopping
    let isReady = false
    const ready = () => {
      if (isReady || signal.aborted) return
      isReady = true
      note('')
      log.info('program ready')
      reportUp(deps.ready)
    }
    let hasBegun = false
    const work = async () => {
      await waitIfReplacing(deps.ready)
      if (program.overlap === false) await isAlone
      if (signal.aborted) return
      hasBegun = true
      note('it has not called ready() yet')
      await run({ number: Number(number), signal, redis, ready }, { ...deps, schema })
      if (!signal.aborted) throw new Error('run() has ended before its signal fired')
    }
    const ended = work().catch((error: unknown) => {
      // What is cut off by the signal often says so by throwing.
      if (signal.aborted && error instanceof Error && error.name === 'AbortError') return
      note(error instanceof Error ? error.message : String(error))
      throw error
    })

    const stop = async () => {
      stopping.abort()
      reportDraining()
      const isDone = hasBegun ? ended.catch(() => {}).then(() => true) : true
      const patience = isSupervised ? [] : [Bun.sleep(config.processes.drainMs)] // a supervisor kills it then
      if (!(await Promise.race([isDone, ...patience]))) log.error('run() ignores its signal past DRAIN_MS')
      await close()
    }
    const report = (error: unknown) =>
      deps.reportUnexpected(error, { in: 'process', role: name ?? 'program', what: 'uncaught' })
    return { log, report, ended, stop, retire: stop }
  })
