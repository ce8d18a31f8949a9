// `npm run deploy`: ships this checkout to servers over ssh, and has it replaced there, one after the other, without a gap.
import { name } from '../package.json'
import { oneOf, readArguments, runCommand, UsageError } from './command.ts'
import { fetchOfBun } from './deploy/bun-package.ts'
import { filesToShip, releaseName } from './deploy/checkout.ts'
import { openServer, type Server } from './deploy/server.ts'

const USAGE = `Usage: npm run deploy -- <user@host> ...            ships this checkout, what is not committed too
       npm run deploy -- status <user@host> ...     the releases there, and what runs
       npm run deploy -- rollback <user@host> ...   to the release before the current one
       npm run deploy -- setup <root@host> ...      prepares a Debian server, once
Several hosts serve one database: it is migrated once, then one host after the other takes the release.
Options: --dry-run            says what would be done
         --path <folder>      on the server; /srv/${name} by default
         --ssh=<options>      for ssh: --ssh='-p 2222 -i key'
A release that does not get ready is taken back by itself, on every host. Five releases are kept. A rollback takes no migration back.`

const COMMANDS = ['deploy', 'status', 'rollback', 'setup'] as const
const PROJECT_FILES = ['systemd.service', 'sysctl.conf', 'logrotate.conf', 'setup.sh']

let isStopped = false
class Stopped extends Error {}

await runCommand(USAGE, async () => {
  const { command, hosts, path, ssh, dryRun } = readCommand()
  const servers = hosts.map((host) => openServer({ host, path, name, sshOptions: ssh }))
  try {
    if (command === 'deploy') await (dryRun ? compare(servers) : deploy(servers))
    else if (command === 'rollback') await rollback(servers)
    else {
      for (const server of servers) {
        if (servers.length > 1) console.log(`== ${server.host}`)
        if (command === 'setup') await server.runSetup(PROJECT_FILES, [name, path, dryRun ? 'dry' : 'real'])
        else await server.step('status')
      }
    }
  } finally {
    await Promise.all(servers.map((server) => server.close()))
  }
})

function readCommand() {
  const { values, positionals } = readArguments(
    {
      'dry-run': { type: 'boolean', default: false },
      path: { type: 'string', default: `/srv/${name}` },
      ssh: { type: 'string', default: '' },
    },
    Infinity,
  )
  const [first = '', ...others] = positionals
  const isNamed = first !== '' && !first.includes('@')
  const command = isNamed ? oneOf(first, COMMANDS, 'command') : 'deploy'
  const hosts = [...new Set(isNamed ? others : positionals)]
  if (hosts.length === 0) throw new UsageError('It takes a server: user@host')
  const wrong = hosts.find((host) => !/^[\w.-]+@[\w.:-]+$/.test(host))
  if (wrong !== undefined) throw new UsageError(`"${wrong}" is no user@host`)
  if (!/^\/[\w./-]+$/.test(values.path))
    throw new UsageError(`"${values.path}" is no absolute path without blanks`)
  if (command === 'rollback' && values['dry-run'])
    throw new UsageError('rollback has no dry run: status shows the releases')
  return { command, hosts, path: values.path, ssh: values.ssh, dryRun: values['dry-run'] }
}

async function compare(servers: Server[]): Promise<void> {
  const files = filesToShip()
  for (const server of servers) console.log(await server.compare(files))
}

/** All that may fail on a host comes before the first of them changes, but for the release itself. */
async function deploy(servers: Server[]): Promise<void> {
  const started = performance.now()
  const files = filesToShip()
  const release = releaseName(new Date())
  console.log(`== ${release}`)
  const prepared: Host[] = []
  const finish = () => eachInTurn(prepared, ({ server }) => server.step('finish', release))
  const isDone = await undoable(servers, finish, async (undo) => {
    for (const server of servers) {
      proceed()
      const { previous = '', machine = '' } = await server.ask('prepare', release)
      prepared.push({ server, previous })
      proceed()
      const sent = await server.send(files, release, previous)
      console.log(`== ${server.host}: sent ${sent.files} of ${files.length} files, ${sent.bytes} bytes`)
      const bun = fetchOfBun(machine)
      proceed()
      await server.step('install', release, bun.version, bun.url, bun.sha512)
    }
    proceed()
    await servers[0]?.step('migrate', release)
    await takeInTurn(prepared, release, undo)
  })
  if (isDone) console.log(`== done in ${((performance.now() - started) / 1000).toFixed(1)} s`)
}

/** @throws UsageError if they would not all go to one release */
async function rollback(servers: Server[]): Promise<void> {
  const hosts: (Host & { target: string })[] = []
  for (const server of servers) {
    const { now = '', target = '' } = await server.ask('before')
    hosts.push({ server, previous: now, target })
    console.log(`== ${server.host}: from ${now} back to ${target}`)
  }
  const [release = '', ...others] = new Set(hosts.map(({ target }) => target))
  if (others.length > 0) throw new UsageError('They would go to different releases: roll each back by itself')
  await undoable(
    servers,
    async () => {},
    (undo) => takeInTurn(hosts, release, undo),
  )
}

interface Host {
  server: Server
  /** The release that runs there; '' before the first. */
  previous: string
}

/** Stops at the first host that does not get ready. */
async function takeInTurn(hosts: Host[], release: string, undo: Undo): Promise<void> {
  for (const { server, previous } of hosts) {
    if (hosts.length > 1) console.log(`== ${server.host}`)
    proceed()
    undo.unshift(() => server.step('leave', release, previous))
    await server.step('take', release)
  }
  proceed()
}

type Undo = (() => Promise<void>)[]

/** Call it before each step. @throws Stopped after Ctrl-C: a step that has begun goes on on its server, and is waited for */
function proceed(): void {
  if (isStopped) throw new Stopped()
}

/**
 * Undoes what was done if the work fails or Ctrl-C stops it, and says what each host has then; `finish` comes last in any case.
 * @returns whether all was done
 */
async function undoable(
  servers: Server[],
  finish: () => Promise<void>,
  work: (undo: Undo) => Promise<void>,
): Promise<boolean> {
  const undo: Undo = []
  const stop = () => {
    console.log(isStopped ? '== still at it' : '== stopping: this step ends first, then all is taken back')
    isStopped = true
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, stop)
  try {
    await work(undo)
    await finish()
    return true
  } catch (error) {
    await eachInTurn(undo, (step) => step())
    await finish()
    await eachInTurn(servers, async (server) => {
      const { now = '' } = await server.ask('now')
      console.log(`== ${server.host}: ${now || 'no release'}`)
    })
    if (!(error instanceof Stopped)) throw error
    process.exitCode = 130
    return false
  } finally {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, stop)
  }
}

/** A host that cannot be reached any more keeps no other from its turn: its own words have been shown. */
async function eachInTurn<T>(all: T[], act: (one: T) => Promise<void>): Promise<void> {
  for (const one of all)
    await act(one).catch(() => console.error('That failed: look at that host with status'))
}
