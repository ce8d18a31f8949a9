// A listener of its own: says each line back, and "bye" before it hangs up. Several processes share its port.
import { once } from 'node:events'
import { createServer, type ListenOptions, type Socket } from 'node:net'
import { createInterface } from 'node:readline'
import type { RunningProgram } from '../../../src/kit/process/program.ts'
import type { Deps } from './product.ts'

export async function run({ number, signal, ready }: RunningProgram, { config, log }: Deps) {
  const open = new Set<Socket>()
  const leaked: Uint8Array[] = []
  const ended = Promise.withResolvers<void>()
  let isDeaf = false

  function obey(line: string): void {
    if (line === 'block') Bun.sleepSync(600_000)
    if (line === 'leak') leaked.push(new Uint8Array(100 * 1024 ** 2).fill(1))
    if (line === 'throw') setTimeout(() => JSON.parse('{'))
    if (line === 'return') ended.resolve()
    if (line === 'exit') process.exit(0)
    if (line === 'deaf') isDeaf = true
  }

  const server = createServer((socket) => {
    open.add(socket)
    socket.on('close', () => open.delete(socket)).on('error', () => {})
    const lines = createInterface(socket).on('error', () => {})
    lines.on('line', (line) => {
      obey(line)
      socket.write(`${line}\n`)
      if (signal.aborted) socket.end('bye\n')
    })
  })
  server.listen({ host: '127.0.0.1', port: config.echoPort, reusePort: true } as ListenOptions)
  await once(server, 'listening')
  ready()
  log.info('echo listens', { number })

  await Promise.race([once(signal, 'abort'), ended.promise])
  if (isDeaf) await new Promise(() => {})
  // Who has sent a line meanwhile gets it back first: it was written before.
  for (const socket of open) socket.end('bye\n')
  await new Promise((closed) => server.close(closed))
}
