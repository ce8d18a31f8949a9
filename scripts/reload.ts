// Asks the supervisor for a rolling reload and waits for its end: exit code 0 if all runs the new code, 1 and the reason if not.
import { readArguments, runCommand } from './command.ts'
import { NO_SUPERVISOR, readCurrentStatus } from './status.ts'

const USAGE =
  'Usage: npm run reload   the supervisor takes up new code and settings, one process after the other'
const POLL_MS = 100

await runCommand(USAGE, async () => {
  readArguments({})
  const before = readCurrentStatus()
  if (!before) throw new Error(NO_SUPERVISOR)
  process.kill(before.pid, 'SIGHUP')
  for (;;) {
    const status = readCurrentStatus()
    if (status?.pid !== before.pid) throw new Error('The supervisor ended meanwhile')
    const { reload } = status
    if (reload && reload.number > (before.reload?.number ?? 0) && reload.result !== 'running') {
      if (reload.result === 'failed') throw new Error(`The reload failed: ${reload.reason}`)
      console.log(`reloaded in ${((reload.ms ?? 0) / 1000).toFixed(1)} s`)
      return
    }
    await Bun.sleep(POLL_MS)
  }
})
