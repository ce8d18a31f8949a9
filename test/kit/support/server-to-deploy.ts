// A server to deploy to: sshd on the loopback, a user without privileges who logs in by key, a prepared folder.
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { until } from './until.ts'
import { freePort } from './ports.ts'

export const sshd = Bun.which('sshd', { PATH: `${process.env.PATH ?? ''}:/usr/sbin` })
/** What a deploy takes and this machine lacks. */
export const missingToDeploy = Object.entries({ sshd, ssh: Bun.which('ssh'), rsync: Bun.which('rsync') })
  .filter(([, found]) => !found)
  .map(([name]) => name)
const isRoot = process.getuid?.() === 0

const PRODUCTION = {
  NODE_ENV: 'production',
  APP_URL: 'http://127.0.0.1',
  HOST: '127.0.0.1',
  LOG_LEVEL: 'warn',
}

export type DeployTarget = Awaited<ReturnType<typeof startDeployTarget>>

/**
 * @param settings what stands in the server's `.env`, beside those of production on loopback
 * @param seenAt an empty folder where those who log in find the service's: several hosts have one path. Takes root
 */
export async function startDeployTarget(settings: Record<string, string>, seenAt?: string) {
  const folder = mkdtempSync(join(tmpdir(), 'restbun-server-'))
  chmodSync(folder, 0o755)
  const base = join(folder, 'srv')
  const user = isRoot
    ? addUser(base)
    : { name: userInfo().username, uid: userInfo().uid, gid: userInfo().gid }
  for (const path of ['', 'releases', 'bun', 'shared', 'shared/data', 'shared/log']) {
    mkdirSync(join(base, path), { mode: 0o750 })
    chownSync(join(base, path), user.uid, user.gid)
  }
  const env = join(base, 'shared/.env')
  writeFileSync(
    env,
    Object.entries({ ...PRODUCTION, DATA_DIR: join(base, 'shared/data'), ...settings })
      .map(([name, value]) => `${name}=${value}\n`)
      .join(''),
    { mode: 0o600 },
  )
  chownSync(env, user.uid, user.gid)
  const daemon = await startSshd(folder, seenAt === undefined ? [] : mounted(base, seenAt))

  return {
    base,
    host: `${user.name}@127.0.0.1`,
    ssh: daemon.clientOptions,
    /** Starts what the systemd unit starts, as the unit says: there is no systemd here. */
    startService: () => startAsUnit(base, user),
    async stop() {
      await daemon.stop()
      if (isRoot) run(['userdel', user.name])
      rmSync(folder, { recursive: true })
    },
  }
}

function addUser(home: string) {
  const name = `deploy-${crypto.randomUUID().slice(0, 8)}`
  run(['useradd', '--system', '--user-group', '--password=*', `--home-dir=${home}`, '--shell=/bin/sh', name])
  const id = (which: string) => Number(run(['id', which, name]))
  return { name, uid: id('-u'), gid: id('-g') }
}

/** Begins the command of a process that sees a folder at another path too, as nobody else does. */
const mounted = (folder: string, at: string) => {
  const mount = 'mount --bind "$1" "$2" && shift 2 && exec "$@"'
  return ['unshare', '--mount', 'sh', '-c', mount, 'sh', folder, at]
}

async function startSshd(folder: string, within: string[]) {
  for (const key of ['host', 'client']) {
    run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', join(folder, key)])
  }
  const port = await freePort()
  const authorized = join(folder, 'authorized_keys')
  writeFileSync(authorized, readFileSync(join(folder, 'client.pub')), { mode: 0o644 })
  const config = join(folder, 'sshd_config')
  writeFileSync(
    config,
    `ListenAddress 127.0.0.1:${port}
HostKey ${join(folder, 'host')}
AuthorizedKeysFile ${authorized}
PidFile none
UsePAM no
StrictModes no
PasswordAuthentication no
KbdInteractiveAuthentication no
`,
  )
  if (isRoot) mkdirSync('/run/sshd', { recursive: true }) // it refuses to start without
  const child = Bun.spawn([...within, sshd ?? 'sshd', '-D', '-e', '-f', config], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const said = child.stderr.text()
  const clientOptions = `-p ${port} -i ${join(folder, 'client')} -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR`
  await until('sshd to listen', async () => {
    if (child.exitCode !== null) throw new Error(`sshd ended: ${await said}`)
    return Bun.connect({ hostname: '127.0.0.1', port, socket: { data() {} } }).then(
      (socket) => (socket.end(), true),
      () => false,
    )
  })
  return {
    clientOptions,
    async stop() {
      child.kill('SIGTERM')
      await child.exited
    },
  }
}

function startAsUnit(base: string, user: { uid: number; gid: number }) {
  const unit = readFileSync(join(import.meta.dir, '../../../scripts/deploy/systemd.service'), 'utf8')
  const field = (name: string) =>
    new RegExp(`^${name}=(.*)$`, 'm').exec(unit)?.[1]?.replaceAll('/srv/myapp', base) ?? ''
  const [name = '', value = ''] = field('Environment').split('=')
  const child = Bun.spawn(
    [
      ...(isRoot
        ? ['setpriv', `--reuid=${user.uid}`, `--regid=${user.gid}`, '--clear-groups', '--no-new-privs']
        : []),
      ...field('ExecStart').split(' '),
    ],
    {
      cwd: field('WorkingDirectory'),
      env: { PATH: '/usr/local/bin:/usr/bin:/bin', [name]: value },
      stdio: ['ignore', 'ignore', 'inherit'],
    },
  )
  return {
    child,
    async stop() {
      child.kill('SIGTERM')
      return child.exited
    },
  }
}

function run(command: string[]): string {
  const { exitCode, stdout, stderr } = Bun.spawnSync(command)
  if (exitCode !== 0) throw new Error(`${command.join(' ')}: ${stderr.toString()}`)
  return stdout.toString().trim()
}
