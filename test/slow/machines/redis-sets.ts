// Starts a Redis Cluster (3 masters, 3 replicas) or a master with two replicas and three Sentinels, each server on a machine of its own.
import type { ChildProcess } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { until } from '../../kit/support/until.ts'
import { createNetwork, type Machine, type Network } from './network.ts'

const PORT = 6379
const NODE_TIMEOUT_MS = 2000

export interface Server {
  machine: Machine
  process: ChildProcess
}

export interface RedisSet {
  url: string
  network: Network
  servers: Server[]
  /** The server that takes writes now: of a Cluster the one that has the slot of the key. */
  primaryOf(key: string): Promise<Server>
  remove(): void
}

export const ask = (server: Server, ...command: string[]): string =>
  server.machine.run('timeout', '2', 'redis-cli', ...command)

function open(count: number, settings: (first: Machine | undefined) => string[]) {
  const network = createNetwork()
  if (!network) throw new Error('no network can be made here: it takes root, on Linux')
  const dir = mkdtempSync(join(tmpdir(), 'restbun-redis-set-'))
  const servers: Server[] = []
  for (let n = 0; n < count; n++) {
    const machine = network.add(`r${n}`)
    const home = join(dir, machine.name)
    mkdirSync(home)
    const fixed = [
      '--port',
      String(PORT),
      '--bind',
      '0.0.0.0',
      '--protected-mode',
      'no',
      '--dir',
      home,
      '--save',
      '',
    ]
    const command = ['redis-server', ...fixed, '--appendonly', 'yes', '--repl-diskless-sync-delay', '0']
    servers.push({ machine, process: machine.start([...command, ...settings(servers[0]?.machine)]) })
  }
  const remove = () => {
    network.remove()
    rmSync(dir, { recursive: true, force: true })
  }
  const addresses = (port: number) => servers.map(({ machine }) => `${machine.address}:${port}`).join(',')
  const at = (address: string) => {
    const found = servers.find(({ machine }) => machine.address === address)
    if (!found) throw new Error(`no server is at ${address}`)
    return found
  }
  const isUp = (server: Server) => {
    try {
      return ask(server, 'ping').startsWith('PONG')
    } catch {
      return false
    }
  }
  return { network, dir, servers, remove, addresses, at, isUp }
}

export async function startCluster(settings: string[] = []): Promise<RedisSet> {
  const { network, servers, remove, addresses, at, isUp } = open(6, () => [
    '--cluster-enabled',
    'yes',
    '--cluster-node-timeout',
    String(NODE_TIMEOUT_MS),
    '--cluster-require-full-coverage',
    'no',
    ...settings,
  ])
  try {
    await until('the servers', () => servers.every(isUp))
    const [first] = servers
    if (!first) throw new Error('no server')
    first.machine.run(
      'redis-cli',
      '--cluster',
      'create',
      ...addresses(PORT).split(','),
      '--cluster-replicas',
      '1',
      '--cluster-yes',
    )
    await until('the cluster', () =>
      servers.every((server) => ask(server, 'cluster', 'info').includes('cluster_state:ok')),
    )
    await until('the replicas', () =>
      servers.every((server) => /role:master|link_status:up/.test(ask(server, 'info', 'replication'))),
    )
  } catch (error) {
    remove()
    throw error
  }
  return {
    url: `redis+cluster://${addresses(PORT)}`,
    network,
    servers,
    remove,
    async primaryOf(key) {
      const slot = Number(ask(servers[0] as Server, 'cluster', 'keyslot', key))
      const line = ask(servers[0] as Server, 'cluster', 'nodes')
        .split('\n')
        .find(
          (one) =>
            / (?:myself,)?master /.test(one) &&
            one
              .split(' ')
              .slice(8)
              .some((range) => {
                const [from, to = from] = range.split('-').map(Number)
                return from !== undefined && to !== undefined && slot >= from && slot <= to
              }),
        )
      return at(/ ([\d.]+):/.exec(line ?? '')?.[1] ?? '')
    },
  }
}

export async function startSentinels(settings: string[] = []): Promise<RedisSet> {
  const set = open(3, (first) => [
    ...(first ? ['--replicaof', first.address, String(PORT)] : []),
    ...settings,
  ])
  const { network, dir, servers, remove, addresses, at, isUp } = set
  const master = servers[0]?.machine.address ?? ''
  const sentinel = new Redis({
    host: master,
    port: 26379,
    lazyConnect: true,
    retryStrategy: () => 100,
    maxRetriesPerRequest: null,
  })
  sentinel.on('error', () => {})
  try {
    await until('the servers', () => servers.every(isUp))
    for (const { machine } of servers) {
      const file = join(dir, `${machine.name}.conf`)
      const about = [
        `monitor ours ${master} ${PORT} 2`,
        `down-after-milliseconds ours ${NODE_TIMEOUT_MS}`,
        'failover-timeout ours 6000',
      ]
      writeFileSync(
        file,
        `port 26379\nprotected-mode no\ndir ${dir}\n${about.map((line) => `sentinel ${line}\n`).join('')}`,
      )
      machine.start(['redis-server', file, '--sentinel'])
    }
    const knows = /num-slaves\n2[^]*num-other-sentinels\n2/
    await until('the Sentinels', () =>
      servers.every(({ machine }) => {
        try {
          return knows.test(machine.run('redis-cli', '-p', '26379', 'sentinel', 'master', 'ours'))
        } catch {
          return false
        }
      }),
    )
  } catch (error) {
    remove()
    throw error
  } finally {
    sentinel.disconnect()
  }
  return {
    url: `redis+sentinel://${addresses(26379)}/ours`,
    network,
    servers,
    remove,
    async primaryOf() {
      const [address = ''] = (servers.at(-1) as Server).machine
        .run('redis-cli', '-p', '26379', 'sentinel', 'get-master-addr-by-name', 'ours')
        .split('\n')
      return at(address)
    },
  }
}
