// Runs programs on a checkout: tools of node_modules/.bin, and others.
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** The program of a tool: in the checkout, or above it, where a workspace has what its packages share. */
export function findTool(root: string, name: string): string {
  for (let folder = root; ; folder = dirname(folder)) {
    const found = join(folder, 'node_modules/.bin', name)
    if (existsSync(found) || folder === dirname(folder)) return found
  }
}

/**
 * @param root the checkout
 * @returns what the tool printed
 * @throws Error with all that it said if it fails
 */
export const runTool = (root: string, name: string, args: string[]) =>
  run(root, [findTool(root, name), ...args], { name })

/**
 * @param options.name of the program in the error
 * @returns what it printed
 * @throws Error with all that it said if it fails
 */
export async function run(
  root: string,
  command: string[],
  { name = command.slice(0, 3).join(' ') } = {},
): Promise<string> {
  const child = Bun.spawn(command, {
    cwd: root,
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
  })
  const [out, err, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited])
  if (code !== 0) throw new Error(`${name} failed (exit code ${code}):\n${out}${err}`.trimEnd())
  return out
}

/** Shows what it says. @returns whether it succeeded */
export async function show(root: string, ...command: string[]): Promise<boolean> {
  return (await Bun.spawn(command, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] }).exited) === 0
}
