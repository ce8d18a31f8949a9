// Tells systemd how the service is, where a unit of Type=notify has started it.

/**
 * Sends states such as READY=1 by systemd's own command: Bun has no datagram sockets of the kind that systemd listens on.
 * The unit needs NotifyAccess=all, since it is a child that speaks. Failing to tell is no reason to fail.
 * @param socket NOTIFY_SOCKET; without it nothing is sent
 * @returns what went wrong
 */
export async function notifySystemd(
  socket: string | undefined,
  ...states: string[]
): Promise<string | undefined> {
  if (!socket) return undefined
  try {
    const { exited, stderr } = Bun.spawn(['systemd-notify', ...states], {
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    const [code, said] = await Promise.all([exited, stderr.text()])
    return code === 0 ? undefined : `systemd-notify ended with exit code ${code}: ${said.trim()}`
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}
