// Reads the environment, the programs and the folder as a new process would find them: `.env`, code and links are read again.
import { existsSync, readFileSync, realpathSync } from 'node:fs'
import { join, relative } from 'node:path'
import type { ProgramCount } from './program.ts'

const PRINT = 'process.stdout.write(JSON.stringify(process.env))'

/**
 * The variables that a process started in `folder` would see, those of its `.env` among them. Only Bun itself knows
 * which files it reads in which order. This process must have been started with `--no-env-file`: what a parent has
 * read from `.env` its children inherit, and an inherited value beats the file, so that no reload would change it.
 * @throws Error if it cannot be read
 */
export function readEnvironment(folder: string): Record<string, string> {
  const { exitCode, stdout, stderr } = Bun.spawnSync([bunIn(folder), '-e', PRINT], { cwd: folder })
  if (exitCode !== 0) throw new Error(`the environment cannot be read: ${stderr.toString().trim()}`)
  return JSON.parse(stdout.toString()) as Record<string, string>
}

/**
 * The programs that the code in `folder` declares, in the counts of its settings. None where it is of before there were any.
 * @param entry the file that starts one
 * @throws Error with what was printed, if they cannot be read within `timeoutMs`
 */
export async function readPrograms(
  folder: string,
  entry: string,
  timeoutMs: number,
): Promise<ProgramCount[]> {
  if (!existsSync(join(folder, entry))) return []
  const command = [bunIn(folder), '--no-orphans', entry, '--list']
  const limits = { timeout: timeoutMs, killSignal: 'SIGKILL' } as const
  const child = Bun.spawn(command, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'], ...limits })
  const [code, out, err] = await Promise.all([child.exited, child.stdout.text(), child.stderr.text()])
  if (code !== 0) throw new Error(`${entry} --list failed (${child.signalCode ?? code}): ${err.trim()}`)
  return JSON.parse(out.trim().split('\n').at(-1) ?? '') as ProgramCount[]
}

/**
 * Variables of the folder's `.env` files that have lost a part: Bun puts another variable in the place of `$word`,
 * in quotes too, and nothing where there is none of that name. `\$` is a dollar.
 * @param env what was read from these files, and what they may refer to
 */
export function findLostReferences(folder: string, env: Record<string, string | undefined>): string[] {
  const lost = readAssignments(folder, env).filter(({ value }) =>
    [...value.matchAll(REFERENCE)].some(([, plain, braced]) => env[plain ?? braced ?? ''] === undefined),
  )
  return [...new Set(lost.map(({ name }) => name))]
}

/** What stands in the folder's `.env` files, as it is written there. */
export function readAssignments(folder: string, { NODE_ENV = '' }: Record<string, string | undefined>) {
  const mode = ['production', 'test'].includes(NODE_ENV) ? NODE_ENV : 'development'
  const files = ['.env', '.env.local', `.env.${mode}`, `.env.${mode}.local`].map((name) => join(folder, name))
  const texts = files.filter((file) => existsSync(file)).map((file) => readFileSync(file, 'utf8'))
  return texts.flatMap((text) =>
    [...text.matchAll(ASSIGNMENT)].map(([, name = '', value = '']) => ({ name, value })),
  )
}

const ASSIGNMENT =
  /^[ \t]*(?:export[ \t]+)?(\w+)[ \t]*[=:][ \t]*("(?:\\[^]|[^"\\])*"|'(?:\\[^]|[^'\\])*'|`(?:\\[^]|[^`\\])*`|[^#\n]*)/gm
const REFERENCE = /(?<!\\)\$(?:(\w+)|\{(\w+)\})/g

/** True if nothing of `.env` is in this process's own environment. */
export const isEnvironmentOriginal = () => process.execArgv.includes('--no-env-file')

/**
 * The current folder by the name that was used to come here. Where that is a link to a release (`current`), it will
 * lead to another release some day, while the name that the system gives is that of the release.
 * @param pwd PWD, which the shell sets to that name
 */
export function folderAsGiven(pwd: string | undefined): string {
  const real = process.cwd()
  return pwd !== undefined && existsSync(pwd) && realpathSync(pwd) === real ? pwd : real
}

/** Bun as a process in `folder` should use it: that folder's own, if this one is such. */
export function bunIn(folder: string): string {
  const inside = relative(STARTED_IN, process.execPath)
  const own = join(folder, inside)
  return !inside.startsWith('..') && existsSync(own) ? own : process.execPath
}

const STARTED_IN = process.cwd()
