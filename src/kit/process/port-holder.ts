// Tells which program listens on a port: by /proc on Linux, else by lsof where there is one.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { attempt } from '../types/attempt.ts'

/** The state of a socket that listens, in the kernel's table. */
const LISTENS = '0A'

/** @returns `node (process 123)`. Undefined where it cannot be told: another user's process is not shown to this one. */
export function holderOf(port: number): string | undefined {
  return process.platform === 'linux' ? byProc(port) : byLsof(port)
}

/** Processes end while one looks, and those of others cannot be read. */
function byProc(port: number): string | undefined {
  const sockets = new Set(['tcp', 'tcp6'].flatMap((table) => listening(table, port)))
  const pids = attempt(() => readdirSync('/proc').filter((name) => /^\d+$/.test(name))) ?? []
  const pid = pids.find((one) => {
    const files = attempt(() => readdirSync(`/proc/${one}/fd`)) ?? []
    return files.some((file) => sockets.has(attempt(() => readlinkSync(`/proc/${one}/fd/${file}`)) ?? ''))
  })
  if (pid === undefined) return undefined
  return named(
    attempt(() => readFileSync(`/proc/${pid}/comm`, 'utf8')),
    pid,
  )
}

/** The sockets of a table that listen on the port, as the files of a process name them. */
function listening(table: string, port: number): string[] {
  const lines =
    attempt(() => readFileSync(`/proc/net/${table}`, 'utf8'))
      ?.split('\n')
      .slice(1) ?? []
  return lines.flatMap((line) => {
    const [, local = '', , state, , , , , , inode] = line.trim().split(/\s+/)
    return state === LISTENS && Number.parseInt(local.split(':')[1] ?? '', 16) === port
      ? [`socket:[${inode}]`]
      : []
  })
}

/** macOS has it. Exported for its test. */
export function byLsof(port: number): string | undefined {
  const command = ['lsof', '-nP', `-iTCP:${port}`, '-sTCP:LISTEN', '-Fpc']
  const said = attempt(() => Bun.spawnSync(command, { timeout: 3000 }).stdout.toString())
  const [, pid, name] = /^p(\d+)\nc(.+)$/m.exec(said ?? '') ?? []
  return pid === undefined ? undefined : named(name, pid)
}

/** A program names itself: what would move the cursor of a terminal is left out. */
const named = (name = 'a program', pid: string) => `${name.replaceAll(/[^\x20-\x7E]/g, '')} (process ${pid})`
