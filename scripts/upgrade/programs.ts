// Runs programs that a release or an upgrade consists of.

/** @returns what it printed. @throws Error with all that it said if it fails */
export async function run(cwd: string, ...command: string[]): Promise<string> {
  const child = Bun.spawn(command, { cwd, stdin: 'ignore', stdout: 'pipe', stderr: 'pipe' })
  const [out, err, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited])
  if (code !== 0) throw new Error(`${out}${err}`.trim() || `${command.join(' ')} ended with ${code}`)
  return out
}

/** Shows what it says. @returns whether it succeeded */
export async function show(cwd: string, ...command: string[]): Promise<boolean> {
  return (await Bun.spawn(command, { cwd, stdio: ['ignore', 'inherit', 'inherit'] }).exited) === 0
}
