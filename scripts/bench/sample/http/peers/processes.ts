// Node's way to several processes on one port: its cluster module.
import cluster from 'node:cluster'

/** Runs `start` here, or in as many processes as PROCESSES says. */
export async function inProcesses(start: () => Promise<void>): Promise<void> {
  const count = Number(process.env.PROCESSES)
  if (count === 1 || cluster.isWorker) return await start()
  for (let i = 0; i < count; i++) cluster.fork()
  process.on('SIGTERM', () => process.exit(0))
}
