// How a command of this folder ends: 0 done, 1 it could not be done and why, 2 it was called wrongly and how to call it.
import { driverCode } from '../src/kit/data/transient.ts'

/** The command was called wrongly; its usage is shown below the message. */
export class UsageError extends Error {
  override name = 'UsageError'
}

/** Runs a command, says what went wrong if something did, and ends the process. */
export async function runCommand(usage: string, command: () => Promise<void>): Promise<never> {
  if (isHelpAsked()) endWithUsage(usage)
  try {
    await command()
    process.exit(0)
  } catch (error) {
    console.error(error instanceof UsageError ? `${error.message}\n\n${usage}` : explain(error))
    process.exit(error instanceof UsageError ? 2 : 1)
  }
}

/** Reads the command line by `read`: whatever that complains of is wrong usage. @throws UsageError */
export function asUsage<T>(read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (error instanceof UsageError) throw error
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
}

/** For a command that takes no arguments: one is a mistake, and ends the process. */
export function refuseArguments(usage: string): void {
  if (isHelpAsked()) endWithUsage(usage)
  const [argument] = process.argv.slice(2)
  if (argument === undefined) return
  console.error(`Unexpected argument "${argument}"\n\n${usage}`)
  process.exit(2)
}

const isHelpAsked = () => process.argv.slice(2).some((argument) => argument === '--help' || argument === '-h')

function endWithUsage(usage: string): never {
  console.log(usage)
  process.exit(0)
}

/** The innermost cause: Drizzle's own message holds every parameter of the statement, password hashes included. */
function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if (driverCode(error) === 'REDIS_AWAY') return 'Redis does not answer'
  if (error.cause !== undefined) return explain(error.cause)
  if (error instanceof AggregateError) return error.errors.map(explain).join('; ')
  return error.message
}

/** Who runs this, by the system's own word: USER and LOGNAME say whatever one likes. A number where the system has no name. */
export function systemUser(): string {
  const { exitCode, stdout } = Bun.spawnSync(['id', '-un'])
  return exitCode === 0 ? stdout.toString().trim() : `${process.getuid?.() ?? 'unknown'}`
}
