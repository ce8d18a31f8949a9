// What a shell makes of a command that somebody copied: the words of each call of curl, without any being sent.

/** @throws if the shell does not understand it, or if it does more than to call curl */
export async function curlWords(command: string): Promise<string[]> {
  const child = Bun.spawn(['sh', '-eu', '-c', `curl() { printf '%s\\0' "$@"; }\n${command}`], {
    env: { TOKEN: 'the-token' }, // no PATH: nothing else is found
    stdout: 'pipe',
    stderr: 'pipe',
  })
  const [out, err, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited])
  if (code !== 0 || err !== '') throw new Error(`The shell answers ${code}: ${err}`)
  return out.split('\0').slice(0, -1)
}
