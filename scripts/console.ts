// A console with the database, Redis, queries and tasks at hand: npm run console
// What is piped into it runs as one script, whose last value is printed: echo 'await db.$count(tables.users)' | npm run console
import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import repl from 'node:repl'
import type { Config } from '../src/config.ts'
import { readArguments, runCommand } from './command.ts'
import { putAtHand } from './console/at-hand.ts'
import { firstHost } from '../src/kit/config/hosts.ts'
import { complete } from './console/complete.ts'
import { evaluate, Unfinished } from './console/evaluate.ts'
import { withDeps } from './with-deps.ts'

const USAGE = `Usage: npm run console                    a prompt; .help lists its commands, .exit or Ctrl-D ends it
       echo '<TypeScript>' | npm run console   runs it and prints the last value`

const RED = '\x1b[31m'
const PLAIN = '\x1b[39m'

/** The mode is in the prompt where a slip costs most. */
function promptOf({ name, production, databaseUrl }: Config): string {
  if (!production) return `${name}> `
  return `${RED}${name} PRODUCTION ${new URL(firstHost(databaseUrl)).hostname}${PLAIN}> `
}

/** Resolves when the person has left. */
async function converse(config: Config, about: string): Promise<void> {
  console.log(`${about}\n`)
  const server = repl.start({
    prompt: promptOf(config),
    useGlobal: true,
    completer: complete,
    preview: false, // it would run what is not asked for yet
    eval: (input, _context, _file, done) => void answer(input, done),
  })
  const ended = once(server, 'exit')
  rememberInputs(server, config.dataDir)
  await ended
}

async function answer(input: string, done: (error: Error | null, value?: unknown) => void): Promise<void> {
  try {
    done(null, await evaluate(input))
  } catch (error) {
    done(error instanceof Unfinished ? new repl.Recoverable(error) : (error as Error))
  }
}

/** Lines are kept for the next time where that folder can be had; a console without it is one all the same. */
function rememberInputs(server: repl.REPLServer, dataDir: string): void {
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  } catch {
    return
  }
  server.setupHistory(join(dataDir, 'console-history'), (error) => {
    if (error) console.warn(`What is typed is not kept for the next time: ${error.message}`)
  })
}

async function runScript(): Promise<void> {
  const result = await evaluate(await Bun.stdin.text())
  // Rows without what the driver keeps on their list: the statement, its parsers.
  const value: unknown = Array.isArray(result) ? [...(result as unknown[])] : result
  if (value !== undefined) console.log(typeof value === 'string' ? value : Bun.inspect(value, { depth: 8 }))
}

await runCommand(USAGE, () => {
  readArguments({})
  return withDeps({ logLevel: process.env.LOG_SQL ? 'info' : 'warn' }, async (runtime) => {
    const { values, about } = await putAtHand(runtime)
    Object.assign(globalThis, values)
    await (process.stdin.isTTY ? converse(runtime.deps.config, about) : runScript())
  })
})
