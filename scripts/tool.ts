// Runs a tool of node_modules/.bin on a checkout.
import { join } from 'node:path'

/**
 * @param root the checkout
 * @returns what the tool printed
 * @throws Error with all that it said if it fails
 */
export async function runTool(root: string, name: string, args: string[], input = ''): Promise<string> {
  const child = Bun.spawn([join(root, 'node_modules/.bin', name), ...args], {
    cwd: root,
    stdin: new Blob([input]),
    stdout: 'pipe',
    stderr: 'pipe',
  })
  const [out, err, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited])
  if (code !== 0) throw new Error(`${name} failed (exit code ${code}):\n${out}${err}`.trimEnd())
  return out
}
