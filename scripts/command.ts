// How a command of this folder is called, and how it ends: 0 done, 1 it could not be done and why, 2 it was called wrongly.
import { parseArgs, type ParseArgsConfig } from 'node:util'
import { driverCode } from '../src/kit/data/transient.ts'
import { isFailedQuery } from '../src/kit/log/describe-error.ts'
import { hint, nearest } from '../src/kit/types/nearest.ts'

type Options = NonNullable<ParseArgsConfig['options']>

/** The command was called wrongly: the message says in what, and a line below it how to see the usage. */
export class UsageError extends Error {
  override name = 'UsageError'
}

/** Runs a command, says what went wrong if something did, and ends the process: with `process.exitCode`, if it was set. */
export async function runCommand(usage: string, command: () => Promise<void>): Promise<never> {
  endIfHelpIsAsked(usage)
  try {
    await command()
    process.exit()
  } catch (error) {
    endWith(error, usage)
  }
}

/** For what is no `runCommand`: reads the command line, or says what is wrong with it and ends the process. */
export function takeArguments<const Taken extends Options>(usage: string, options: Taken, most = 0) {
  endIfHelpIsAsked(usage)
  try {
    return readArguments(options, most)
  } catch (error) {
    return endWith(error, usage)
  }
}

/**
 * Reads the command line.
 * @param most how many arguments there may be besides the options
 * @throws UsageError in words of ours: those of `parseArgs` explain how it works
 */
export function readArguments<const Taken extends Options>(
  options: Taken,
  most = 0,
  args = process.argv.slice(2),
) {
  const { tokens } = parseArgs({ args, options, strict: false, allowPositionals: true, tokens: true })
  for (const token of tokens) {
    if (token.kind !== 'option') continue
    const { name, value, inlineValue } = token
    if (!Object.hasOwn(options, name)) {
      const [given = ''] = args[token.index]?.split('=') ?? []
      const near = nearest(given.replace(/^-+/, ''), [...Object.keys(options), 'help'])
      throw new UsageError(
        `There is no option ${given}${near === undefined ? '' : `: did you mean --${near}?`}`,
      )
    }
    const isFlag = options[name]?.type === 'boolean'
    if (isFlag && value !== undefined) throw new UsageError(`--${name} takes no value`)
    if (!isFlag && (value === undefined || (!inlineValue && /^-./.test(value))))
      throw new UsageError(`--${name} takes a value: --${name}=<value>`)
  }
  const stray = tokens.filter((token) => token.kind === 'positional')[most]
  if (stray !== undefined) throw new UsageError(`Unexpected argument "${stray.value}"`)
  return parseArgs({ args, options, allowPositionals: true })
}

/** @param what it is, for the message: `command` @throws UsageError if it is none of the words, with the nearest of them */
export function oneOf<const Word extends string>(
  word: string | undefined,
  words: readonly Word[],
  what: string,
): Word {
  if (word === undefined || word === '') throw new UsageError(`Which ${what}? There are ${words.join(', ')}`)
  const found = words.find((known) => known === word)
  if (found === undefined) throw new UsageError(`There is no ${what} "${word}"${hint(word, words)}`)
  return found
}

/** Reads arguments by `read`: whatever that complains of is wrong usage. @throws UsageError */
export function asUsage<T>(read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (error instanceof UsageError) throw error
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
}

function endIfHelpIsAsked(usage: string): void {
  if (!process.argv.slice(2).some((argument) => argument === '--help' || argument === '-h')) return
  console.log(usage)
  process.exit(0)
}

function endWith(error: unknown, usage: string): never {
  if (!(error instanceof UsageError)) {
    console.error(explain(error))
    process.exit(1)
  }
  // Who gives a command nothing that needs something asks how it is called.
  const isAsked = process.argv.length === 2
  console.error(
    isAsked ? `${error.message}\n\n${usage}` : `${error.message}\nHow it is called: ${helpOf(usage)}`,
  )
  process.exit(2)
}

/** `npm run new -- --help`, of a usage that begins with "Usage: npm run new -- <name>". */
function helpOf(usage: string): string {
  const [, command = ''] = /^Usage: (.+?)(?= --| <| \[| {2}|$)/m.exec(usage) ?? []
  return `${command} ${command.startsWith('npm ') ? '-- ' : ''}--help`
}

/** What a person is to read of it: of a failed query its cause. */
function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if (driverCode(error) === 'REDIS_AWAY') return 'Redis does not answer'
  if (isFailedQuery(error)) return explain(error.cause)
  if (error instanceof AggregateError) return error.errors.map(explain).join('; ')
  return error.message
}

/** Who runs this, by the system's own word: USER and LOGNAME say whatever one likes. A number where the system has no name. */
export function systemUser(): string {
  const { exitCode, stdout } = Bun.spawnSync(['id', '-un'])
  return exitCode === 0 ? stdout.toString().trim() : `${process.getuid?.() ?? 'unknown'}`
}
