// A service as a child process: run one to its end, start and stop one, recognise one that an earlier run left behind.
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { attempt } from '../../src/kit/types/attempt.ts'

/** A service that answers. */
export interface Service {
  url: string
  /** Absent where the service runs inside the keeper. */
  pid?: number
  /** What it is and where its data lies, for the person who starts it. */
  about: string
  /** Resolves with the reason if it ends without having been stopped. */
  failed: Promise<string>
  stop(): Promise<void>
}

/** Another user to run a program as. */
export interface Account {
  uid: number
  gid: number
}

/** Runs a program to its end. @throws Error with all that it printed, if it exits with another code than 0. */
export async function run(
  command: string,
  args: string[],
  options: { cwd?: string; account?: Account } = {},
) {
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: SERVICE_ENV,
    stdio: ['ignore', 'pipe', 'pipe'],
    ...options.account,
  })
  let output = ''
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()))
  const [code] = (await once(child, 'close')) as [number | null]
  if (code !== 0) throw new Error(`${command} failed (exit code ${code}):\n${output.trim()}`)
}

/** The caller's settings (PGDATA, LC_ALL, LD_PRELOAD ...) must not reach a service. */
export const SERVICE_ENV = { PATH: process.env.PATH ?? '', LC_ALL: 'C', TZ: 'UTC' }

/** Resolves with how it ended: by which signal, with which exit code, or why it was not even started. */
export const endOf = (child: ChildProcess) =>
  new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message))
    child.once('exit', (code, signal) => resolve(signal ?? `exit code ${code}`))
  })

/** How a service tells that it has ended, and is ended. @param ended see `endOf` @param why to a person, of the end */
export function endsOf(
  ended: Promise<string>,
  why: (end: string) => string,
  stop: () => Promise<void>,
): Pick<Service, 'failed' | 'stop'> {
  let isStopping = false
  return {
    failed: new Promise((resolve) => {
      void ended.then((end) => {
        if (!isStopping) resolve(why(end))
      })
    }),
    stop() {
      isStopping = true
      return stop()
    },
  }
}

/** The end of a log, for an error. */
export const tailOf = (log: string) => log.trim().split('\n').slice(-8).join('\n')

/** Sends the signal, waits `graceMs`, then kills. Resolves when the process is gone. */
export async function endChild(child: ChildProcess, signal: NodeJS.Signals, graceMs: number): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = once(child, 'exit')
  child.kill(signal)
  const force = setTimeout(() => child.kill('SIGKILL'), graceMs)
  await gone
  clearTimeout(force)
}

/** A TCP port of 127.0.0.1 that nobody listens on now. */
export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const address = probe.address()
  probe.close()
  await once(probe, 'close')
  if (address === null || typeof address === 'string') throw new Error('The system gave no TCP port')
  return address.port
}

/** True while a process of that id runs; one that has ended and was not reaped yet does not. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
  return !isZombie(pid)
}

/** The name in brackets may hold anything; the state is the first letter past it. */
const isZombie = (pid: number): boolean =>
  /^.*\) Z/s.test(attempt(() => readFileSync(`/proc/${pid}/stat`, 'utf8')) ?? '')

/** The command line of a process, '' if there is none. Slim images have no `ps`, macOS has no /proc. */
export const commandLine = (pid: number): string =>
  attempt(() =>
    existsSync('/proc/self')
      ? readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
      : Bun.spawnSync(['/bin/ps', '-o', 'command=', '-p', String(pid)]).stdout.toString(),
  ) ?? ''

/** Polls until the condition holds. @returns false if it did not within `timeoutMs`. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  timeoutMs: number,
): Promise<boolean> {
  const end = performance.now() + timeoutMs
  while (!(await condition())) {
    if (performance.now() > end) return false
    await Bun.sleep(POLL_MS)
  }
  return true
}

const POLL_MS = 30
