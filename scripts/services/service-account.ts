// Started by root, Postgres must run as somebody else: who that is, and what that account can reach.
import { existsSync, mkdirSync, readFileSync, realpathSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Account } from './child.ts'

const ROOM = '/var/lib/restbun'

/** Undefined unless this is root. The owner of an existing cluster stays its owner; a new one goes to `nobody`. */
export function serviceAccount(cluster: string): Account | undefined {
  if (process.getuid?.() !== 0) return undefined
  if (existsSync(cluster)) {
    const { uid, gid } = statSync(cluster)
    if (uid !== 0) return { uid, gid }
  }
  const nobody = /^nobody:[^:]*:(-?\d+):(-?\d+):/m.exec(readFileSync('/etc/passwd', 'utf8'))
  if (!nobody) throw new Error('Postgres refuses to run as root, and there is no user "nobody" to run it as')
  // macOS writes -2 for what the system calls take as an unsigned number.
  return { uid: Number(nobody[1]) >>> 0, gid: Number(nobody[2]) >>> 0 }
}

/** True if the account may enter the folder and every folder above it. */
export function canReach(folder: string, account: Account): boolean {
  for (let path = realpathSync(folder); ; path = dirname(path)) {
    const { mode, uid } = statSync(path)
    if ((mode & (uid === account.uid ? 0o100 : 0o001)) === 0) return false
    if (path === dirname(path)) return true
  }
}

/** A folder of that name which every account can reach and only root can replace. */
export function makeRoom(name: string): string {
  const room = join(ROOM, name)
  for (const folder of [ROOM, room]) mkdirSync(folder, { recursive: true, mode: 0o755 })
  return room
}
