// The settings, all faults at once, and what a check can go on with.
import { loadConfig, settings } from '../../src/config.ts'
import type { Config } from '../../src/config.ts'
import { adviceOnSettings } from '../../src/kit/process/advice.ts'
import { readAssignments } from '../../src/kit/process/environment.ts'
import { attempt } from '../../src/kit/types/attempt.ts'
import { ConfigError } from '../../src/kit/types/config-error.ts'
import { nearest } from '../../src/kit/types/nearest.ts'
import { fail, type Finding, ok, warn } from './finding.ts'

const FIX = 'Set it in the environment or in .env; .env.example lists every setting'

type Environment = Record<string, string | undefined>

/** What is faulty takes its default for the further checks; without a URL that can be used there is no `config`. */
export function checkSettings(env: Environment): { findings: Finding[]; config?: Config } {
  try {
    const config = loadConfig(env)
    const folder = process.cwd()
    const advice = [...adviceOnSettings(config, folder, env), ...findMisspelt(folder, env)]
    const findings =
      advice.length > 0
        ? advice.map((line) => warn('settings', line, FIX))
        : [ok('settings', `all can be used (${config.mode})`)]
    return { findings, config }
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    const faults = error.message.split('\n').slice(1)
    const findings = faults.map((fault) => fail('settings', fault.trim(), FIX))
    const usable = Object.entries(env).filter(([name]) => !faults.some((fault) => nameIn(fault) === name))
    return { findings, config: attempt(() => loadConfig(Object.fromEntries(usable))) }
  }
}

/** What stands in .env and is no setting, but nearly. @param folder that holds it */
export function findMisspelt(folder: string, env: Environment): string[] {
  const known = settings.variablesIn(env).flatMap((variable) => [variable, `${variable}_FILE`])
  const others = new Set(readAssignments(folder, env).map(({ name }) => name)).difference(new Set(known))
  return [...others].flatMap((name) => {
    const meant = nearest(name, known)
    return meant === undefined ? [] : `${name} in .env is no setting: did you mean ${meant}?`
  })
}

const nameIn = (fault: string) => /\w+/.exec(fault)?.[0]
