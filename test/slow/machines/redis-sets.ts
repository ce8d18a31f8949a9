// Starts a Redis Cluster (3 masters, a replica or two each) or a master with two replicas and three Sentinels, each server on a machine of its own.
import type { ChildProcess } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { until } from '../../kit/support/until.ts'
import { createNetwork, type Machine, type Network } from './network.ts'

const PORT = 6379
const NODE_TIMEOUT_MS = 2000

export interface Server {
  machine: Machine
  process: ChildProcess
  cli: string[]
}

export interface RedisSet {
  url: string
  network: Network
  servers: Server[]
  /** The server that takes writes now: of a Cluster the one that has the slot of the key. Another one than `but` is asked. */
  primaryOf(key: string, but?: Server): Promise<Server>
  remove(): void
}

/** What it takes to be let in: TLS and passwords, as redis-server, redis-cli and a Sentinel's file want them. */
export interface Access {
  server: string[]
  cli: string[]
  sentinel: string[]
  sentinelCli: string[]
}
const ANYBODY: Access = { server: [], cli: [], sentinel: [], sentinelCli: [] }
type GiveAccess = (network: Network) => Access

export const ask = ({ machine, cli }: Server, ...command: string[]): string =>
  machine.run('timeout', '2', 'redis-cli', ...cli, ...command)

function open(count: number, giveAccess: GiveAccess, settings: (first: Machine | undefined) => string[]) {
  const network = createNetwork()
  if (!network) throw new Error('no network can be made here: it takes root, on Linux')
  const dir = mkdtempSync(join(tmpdir(), 'restbun-redis-set-'))
  const access = giveAccess(network)
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
    const process = machine.start([...command, ...access.server, ...settings(servers[0]?.machine)])
    servers.push({ machine, process, cli: access.cli })
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
  return { network, dir, access, servers, remove, addresses, at, isUp }
}

/** @param replicas of each of three masters */
export async function startCluster(
  settings: string[] = [],
  giveAccess: GiveAccess = () => ANYBODY,
  replicas = 1,
): Promise<RedisSet> {
  const { network, servers, remove, addresses, at, isUp } = open(3 + 3 * replicas, giveAccess, () => [
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
      ...first.cli,
      '--cluster',
      'create',
      ...addresses(PORT).split(','),
      '--cluster-replicas',
      String(replicas),
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
    async primaryOf(key, but) {
      const living = servers.find((one) => one !== but && isUp(one))
      if (!living) throw new Error('no server is up')
      const slot = Number(ask(living, 'cluster', 'keyslot', key))
      const line = ask(living, 'cluster', 'nodes')
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

export async function startSentinels(
  settings: string[] = [],
  giveAccess: GiveAccess = () => ANYBODY,
): Promise<RedisSet> {
  const set = open(3, giveAccess, (first) => [
    ...(first ? ['--replicaof', first.address, String(PORT)] : []),
    ...settings,
  ])
  const { network, dir, access, servers, remove, addresses, at, isUp } = set
  const master = servers[0]?.machine.address ?? ''
  const askSentinel = (machine: Machine, ...command: string[]) =>
    machine.run('redis-cli', '-p', '26379', ...access.sentinelCli, 'sentinel', ...command)
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
        [
          'port 26379',
          'protected-mode no',
          `dir ${dir}`,
          ...about.map((line) => `sentinel ${line}`),
          ...access.sentinel,
          '',
        ].join('\n'),
      )
      machine.start(['redis-server', file, '--sentinel'])
    }
    const knows = /num-slaves\n2[^]*num-other-sentinels\n2/
    await until('the Sentinels', () =>
      servers.every(({ machine }) => {
        try {
          return knows.test(askSentinel(machine, 'master', 'ours'))
        } catch {
          return false
        }
      }),
    )
  } catch (error) {
    remove()
    throw error
  }
  return {
    url: `redis+sentinel://${addresses(26379)}/ours`,
    network,
    servers,
    remove,
    async primaryOf(_key, but) {
      const { machine } = servers.findLast((one) => one !== but) as Server
      const [address = ''] = askSentinel(machine, 'get-master-addr-by-name', 'ours').split('\n')
      return at(address)
    },
  }
}
