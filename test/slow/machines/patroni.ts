// A Patroni cluster of Debian's, each Postgres on a machine of its own, and etcd on one more.
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { until } from '../../kit/support/until.ts'
import type { Machine, Network } from './network.ts'
import { asPostgres, BIN } from './postgres.ts'

export const PATRONI = BIN && Bun.which('patroni') && Bun.which('etcd') ? 'patroni' : undefined

const SCOPE = 'tried'
/** Seconds. A leader that does not say it lives for `ttl` is none; 20 is the least that Patroni takes. */
const TIMES = { ttl: 20, loop_wait: 2, retry_timeout: 4 }

interface Member {
  name: string
  role: string
  state: string
}

/** One of its servers: Postgres, and the Patroni that keeps it. */
export class Node {
  readonly config: string

  constructor(
    readonly machine: Machine,
    readonly etcd: Machine,
    folder: string,
  ) {
    const { name, address } = machine
    const own = join(folder, name)
    spawnSync('install', ['-d', '-o', 'postgres', '-m', '700', own])
    const settings = {
      scope: SCOPE,
      name,
      restapi: { listen: '0.0.0.0:8008', connect_address: `${address}:8008` },
      etcd3: { hosts: [`${etcd.address}:2379`] },
      bootstrap: {
        dcs: {
          ...TIMES,
          synchronous_mode: true,
          postgresql: {
            use_pg_rewind: true,
            parameters: { wal_receiver_timeout: '5s', wal_sender_timeout: '5s' },
          },
        },
        initdb: [{ encoding: 'UTF8' }, { locale: 'C.UTF-8' }, 'data-checksums'],
        pg_hba: ['host all all 0.0.0.0/0 trust', 'host replication all 0.0.0.0/0 trust'],
      },
      postgresql: {
        listen: '0.0.0.0:5432',
        connect_address: `${address}:5432`,
        data_dir: join(own, 'data'),
        bin_dir: BIN,
        pgpass: join(own, 'pgpass'),
        parameters: { unix_socket_directories: '', cluster_name: name },
        authentication: {
          superuser: { username: 'postgres', password: 'secret' },
          replication: { username: 'replicator', password: 'secret' },
        },
      },
    }
    this.config = join(folder, `${name}.yml`)
    writeFileSync(this.config, JSON.stringify(settings)) // which is YAML too
  }

  start(): void {
    this.machine.start(asPostgres('patroni', this.config), { cwd: '/', stdio: 'ignore' })
  }

  /** What it knows of all; undefined if it does not answer. */
  async members(): Promise<Member[] | undefined> {
    try {
      const reply = await fetch(`http://${this.machine.address}:8008/cluster`, {
        signal: AbortSignal.timeout(2000),
      })
      return ((await reply.json()) as { members: Member[] }).members
    } catch {
      return undefined
    }
  }

  ctl(...command: string[]): string {
    return this.machine.run('patronictl', '-c', this.config, ...command)
  }
}

/** @returns a synchronous cluster of three that is whole */
export async function startPatroni(network: Network) {
  const folder = mkdtempSync(join(tmpdir(), 'restbun-patroni-'))
  chmodSync(folder, 0o755)
  const etcd = network.add('etcd')
  const url = (port: number) => `http://${etcd.address}:${port}`
  const options = {
    'data-dir': join(folder, 'etcd'),
    'listen-client-urls': url(2379),
    'advertise-client-urls': url(2379),
    'listen-peer-urls': url(2380),
    'initial-advertise-peer-urls': url(2380),
    'initial-cluster': `default=${url(2380)}`,
  }
  etcd.start(['etcd', ...Object.entries(options).flatMap(([name, value]) => [`--${name}`, value])])
  await until('etcd', () =>
    fetch(`${url(2379)}/health`).then(
      ({ ok }) => ok,
      () => false,
    ),
  )
  const nodes = ['pg1', 'pg2', 'pg3'].map((name) => new Node(network.add(name), etcd, folder))
  for (const node of nodes) node.start()

  const seenBy = async (from: readonly Node[]) => {
    for (const node of from) {
      const members = await node.members()
      if (members !== undefined) return members
    }
    return []
  }
  let isSynchronous = true
  return {
    nodes,
    hosts: nodes.map(({ machine }) => `${machine.address}:5432`).join(),
    /** The node that leads, as the others see it. */
    leader: (but?: Node) =>
      until('a leader', async () => {
        const from = nodes.filter((node) => node !== but)
        const leader = (await seenBy(from)).find(
          ({ role, state }) => role === 'leader' && state === 'running',
        )
        return from.find(({ machine }) => machine.name === leader?.name)
      }),
    /** Resolves when all three run, and one is the synchronous standby if there is to be one. */
    whole: () =>
      until('all three to run', async () => {
        const members = await seenBy(nodes)
        const running = members.filter(({ state }) => /^(running|streaming)$/.test(state))
        const roles = isSynchronous ? ['leader', 'sync_standby'] : ['leader']
        return running.length === 3 && roles.every((role) => running.some((each) => each.role === role))
      }),
    async setSynchronous(isOn: boolean) {
      isSynchronous = isOn
      nodes[0]?.ctl('edit-config', '--force', '-s', `synchronous_mode=${isOn}`, SCOPE)
      await until(
        'it to be so',
        async () => (await seenBy(nodes)).some(({ role }) => role === 'sync_standby') === isOn,
      )
    },
    /** As an operator moves it for maintenance. */
    switchOver: (from: Node, to: Node) =>
      from.ctl('switchover', '--force', '--master', from.machine.name, '--candidate', to.machine.name, SCOPE),
    async syncStandby() {
      const found = (await seenBy(nodes)).find(({ role }) => role === 'sync_standby')
      return nodes.find(({ machine }) => machine.name === found?.name)
    },
    /** After the network is removed. */
    remove: () => rmSync(folder, { recursive: true, force: true }),
  }
}
