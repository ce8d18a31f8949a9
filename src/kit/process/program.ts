// Declares long-running programs of a product, and checks a list of them.
import type { Redis } from 'ioredis'
import type { KitConfig } from '../config/kit-config.ts'
import { ConfigError } from '../types/config-error.ts'

/** What the supervisor knows of a program. */
export interface ProgramCount {
  /** As the log, the status and the metrics call it. */
  readonly name: string
  readonly processes: number
  readonly overlap: boolean
}

/** One entry of `src/programs.ts`. `Deps` is what its module takes. */
export interface Program<C extends KitConfig, Deps> {
  /** 1 to 30 lowercase letters, digits and dashes; the first is a letter. */
  readonly name: string
  /** How many processes run it, 0: none. A setting of yours: `(config) => config.gatewayProcesses`. */
  readonly processes: number | ((config: C) => number)
  /**
   * At a replacement the old process ends when the new one is ready. `false`: the new one begins when the old one is gone,
   * for what must not run twice, such as a socket that only one can listen on. True by default.
   */
  readonly overlap?: boolean
  /** `() => import('./gateway/program.ts')`: only its own processes load it. */
  readonly module: () => Promise<ProgramModule<Deps>>
}

export interface ProgramModule<Deps> {
  /** Runs until the signal fires and what was accepted is done. To end unasked counts as a crash: it is started again. */
  readonly run: (program: RunningProgram, deps: Deps) => Promise<void>
}

export interface RunningProgram {
  /** Which of its processes this is, from 1: with `overlap: false` only one of this number runs at a time. */
  readonly number: number
  /** Fires when it has to end, for which it has DRAIN_MS. */
  readonly signal: AbortSignal
  /** The connection of this process; `connectBlocking(redis)` of `kit/data/redis.ts` makes one for commands that wait. */
  readonly redis: Redis
  /** To be called once it serves, within BOOT_TIMEOUT_MS: a reload waits for it. */
  readonly ready: () => void
}

const NAME = /^[a-z][a-z0-9-]{0,29}$/
const TAKEN = ['server', 'worker', 'supervisor']
const MAX_PROCESSES = 1000

/** @throws ConfigError that names every faulty entry */
export function countPrograms<C extends KitConfig>(
  programs: readonly Program<C, never>[],
  config: C,
): ProgramCount[] {
  const names = programs.map(({ name }) => name)
  const counts = programs.map(({ name, processes, overlap = true }) => {
    return { name, processes: typeof processes === 'function' ? processes(config) : processes, overlap }
  })
  const faults = counts.flatMap(({ name, processes }, i) => {
    const why = []
    if (!NAME.test(name))
      why.push('a name has 1 to 30 lowercase letters, digits and dashes, the first a letter')
    if (TAKEN.includes(name)) why.push('the service has processes of this name: take another')
    if (names.indexOf(name) < i) why.push('another program has this name')
    if (!Number.isInteger(processes) || processes < 0 || processes > MAX_PROCESSES)
      why.push(`processes is ${processes}, and must be a whole number from 0 to ${MAX_PROCESSES}`)
    return why.map((fault) => `\n  program "${name}": ${fault}`)
  })
  if (faults.length > 0) throw new ConfigError(`programs.ts:${faults.join('')}`)
  return counts
}
