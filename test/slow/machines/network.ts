// Makes machines of one network: network namespaces on a bridge, which this process is on too, each with a link that can be cut.
import { spawn, spawnSync, type ChildProcess, type SpawnOptions } from 'node:child_process'
import { existsSync } from 'node:fs'

/** Programs that Debian keeps where an ordinary PATH does not look. */
const ENV = { ...process.env, PATH: `${process.env.PATH ?? ''}:/usr/sbin:/usr/local/sbin` }

export interface Machine {
  name: string
  /** IPv4; this process and all machines of the network reach it. */
  address: string
  /** The same program on that machine: `Bun.spawn(machine.at('redis-server', '--port', '6379'))`. Its pid is the program's. */
  at(...command: string[]): string[]
  /** Starts a program there, without input and output unless `options` say otherwise; it ends with the network at the latest. */
  start(command: string[], options?: SpawnOptions): ChildProcess
  /** Runs a program there to its end, as root does `iptables`. @returns what it printed @throws if it fails */
  run(...command: string[]): string
  /** Takes its link down: nothing is refused, nothing arrives, and its programs run on. */
  cut(): void
  mend(): void
  /** Kills all that runs there, as when its power goes. */
  kill(): void
}

export interface Network {
  /** IPv4 of this process, as the machines see it. */
  address: string
  add(name: string): Machine
  /** Kills what runs on the machines, and removes them with their links. */
  remove(): void
}

/** Undefined where no network can be made: without root, and in most containers. */
export function createNetwork(): Network | undefined {
  removeLeftOver()
  const mine = `rb${process.pid}`
  if (!attempt('ip', 'link', 'add', mine, 'type', 'bridge')) return undefined
  const taken = ip('-4', '-o', 'addr')
  const subnet = Array.from({ length: 250 }, (_, i) => `10.213.${i + 1}`).find((s) => !taken.includes(s))
  const machines: Machine[] = []
  const remove = () => removeAll(mine)
  process.once('exit', remove)
  ip('addr', 'add', `${subnet}.1/24`, 'dev', mine)
  ip('link', 'set', mine, 'up')

  function add(name: string): Machine {
    const number = machines.length + 2
    const [space, link] = [`${mine}-${name}`, `${mine}v${number}`]
    const inside = (...command: string[]) => ['ip', 'netns', 'exec', space, ...command]
    const address = `${subnet}.${number}`
    ip('netns', 'add', space)
    ip('link', 'add', link, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', space)
    ip('link', 'set', link, 'master', mine, 'up')
    for (const line of [`addr add ${address}/24 dev eth0`, 'link set eth0 up', 'link set lo up'])
      ip('-n', space, ...line.split(' '))
    const machine: Machine = {
      name,
      address,
      at: inside,
      start(command, options) {
        const [program = '', ...rest] = inside(...command)
        return spawn(program, rest, { stdio: 'ignore', env: ENV, ...options })
      },
      run: (...command) => execute(...inside(...command)),
      cut: () => void ip('link', 'set', link, 'down'),
      mend: () => void ip('link', 'set', link, 'up'),
      kill: () => killAll(space),
    }
    machines.push(machine)
    return machine
  }

  return {
    address: `${subnet}.1`,
    add,
    remove() {
      process.off('exit', remove)
      remove()
    },
  }
}

function removeAll(mine: string): void {
  const spaces = ip('netns', 'list').match(new RegExp(`^${mine}-\\S+`, 'gm')) ?? []
  for (const space of spaces) {
    killAll(space)
    attempt('ip', 'netns', 'del', space)
  }
  // At once: the kernel clears a namespace away later, and its end of the link with it.
  for (const link of ip('-o', 'link').match(new RegExp(`\\b${mine}(v\\d+)?(?=[@:])`, 'g')) ?? [])
    attempt('ip', 'link', 'del', link)
}

/** What a process has left that was killed before it could remove it. */
function removeLeftOver(): void {
  if (!attempt('ip', 'netns', 'list')) return
  const names = `${ip('netns', 'list')}\n${ip('-o', 'link')}`.matchAll(/\b(rb(\d+))(?:-|:|v\d|\b)/g)
  const owners = new Map([...names].map(([, mine = '', pid = '']) => [mine, pid]))
  for (const [mine, pid] of owners) if (!existsSync(`/proc/${pid}`)) removeAll(mine)
}

function killAll(space: string): void {
  for (const pid of ip('netns', 'pids', space).split('\n').filter(Boolean)) kill(Number(pid))
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has ended by itself.
  }
}

const ip = (...args: string[]) => execute('ip', ...args)

const attempt = (program: string, ...args: string[]) =>
  spawnSync(program, args, { env: ENV, stdio: 'ignore' }).status === 0

function execute(program = '', ...args: string[]): string {
  const { status, stdout, stderr, error } = spawnSync(program, args, { env: ENV, encoding: 'utf8' })
  if (status === 0) return stdout
  throw new Error(`${program} ${args.join(' ')}: ${error?.message ?? stderr}`)
}
