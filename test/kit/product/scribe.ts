// Reads a stream, and writes down what it has read: each entry once, as both happens in one transaction.
import { connectBlocking } from '../../../src/kit/data/redis.ts'
import type { RunningProgram } from '../../../src/kit/process/program.ts'
import type { Deps } from './product.ts'

const GROUP = 'scribes'
const BLOCK_MS = 200

type Reply = [stream: string, entries: [id: string, fields: string[]][]][] | null

export async function run({ number, signal, redis, ready }: RunningProgram, { config, log }: Deps) {
  const [stream, list, owner] = ['stream', 'written', 'owner'].map((name) => config.redisPrefix + name)
  if (!stream || !list || !owner) return
  const before = Number(await redis.get(owner))
  if (before && isAlive(before)) throw new Error(`two at once: ${before} still runs`)
  await redis.set(owner, process.pid)
  await redis.xgroup('CREATE', stream, GROUP, '0', 'MKSTREAM').catch((error: Error) => {
    if (!error.message.startsWith('BUSYGROUP')) throw error
  })
  const blocking = connectBlocking(redis)
  ready()

  // First what one that died has read and not written down: its name is ours.
  let from = '0'
  let isDeaf = false
  const ours = [
    'GROUP',
    GROUP,
    `scribe-${number}`,
    'COUNT',
    10,
    'BLOCK',
    BLOCK_MS,
    'STREAMS',
    stream,
  ] as const
  while (!signal.aborted || isDeaf) {
    const reply = (await blocking.xreadgroup(...ours, from)) as Reply
    const entries = reply?.[0]?.[1] ?? []
    if (entries.length === 0) from = '>'
    for (const [id, [, text = '']] of entries) {
      if (text === 'deaf') isDeaf = true
      await redis.multi().rpush(list, text).xack(stream, GROUP, id).exec()
    }
  }
  blocking.disconnect()
  await redis.del(owner)
  log.info('scribe has closed its book')
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
