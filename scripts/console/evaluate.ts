// One input of the console: TypeScript with top-level await, whose declarations stay for the next one.

const OWN_FRAME = /^ +at .*(console\/evaluate\.ts|scripts\/console\.ts|\beval \(unknown|node:)/

const transpiler = new Bun.Transpiler({ loader: 'ts', replMode: true })

/** The input is no whole statement yet: more lines may make it one. */
export class Unfinished extends Error {
  override name = 'Unfinished'
}

/**
 * Runs it among the globals and answers the value of its last expression.
 * @throws Unfinished, what the parser has against it, or what it throws itself
 */
export async function evaluate(input: string): Promise<unknown> {
  // Indirect: what is declared is global, and nothing of this file can be reached. To evaluate is what a console is for.
  // oxlint-disable-next-line no-eval
  const run = globalThis.eval
  try {
    const result = (await run(transpile(input))) as { value?: unknown } | undefined
    return result?.value
  } catch (error) {
    throw withoutOwnFrames(error)
  }
}

/** Where an input went wrong, and not how this console came to run it. */
function withoutOwnFrames(error: unknown): unknown {
  if (error instanceof Error && error.stack)
    error.stack = error.stack
      .split('\n')
      .filter((line) => !OWN_FRAME.test(line))
      .join('\n')
  return error
}

function transpile(input: string): string {
  try {
    return transpiler.transformSync(input)
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    throw /end of file|unterminated/i.test(message)
      ? new Unfinished(message, { cause: error })
      : new SyntaxError(message, { cause: error })
  }
}
