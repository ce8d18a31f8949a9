// `npm run deploy`: ships this checkout to a server over ssh, and has it replaced there without a gap.
import { name } from '../package.json'
import { oneOf, readArguments, runCommand, UsageError } from './command.ts'
import { fetchOfBun } from './deploy/bun-package.ts'
import { filesToShip, releaseName } from './deploy/checkout.ts'
import { openServer, type Server } from './deploy/server.ts'

const USAGE = `Usage: npm run deploy -- <user@host>            ships this checkout, what is not committed too
       npm run deploy -- status <user@host>     the releases there, and what runs
       npm run deploy -- rollback <user@host>   to the release before the current one
       npm run deploy -- setup <root@host>      prepares a Debian server, once
Options: --dry-run            says what would be done
         --path <folder>      on the server; /srv/${name} by default
         --ssh=<options>      for ssh: --ssh='-p 2222 -i key'
A release that does not get ready is taken back by itself. Five releases are kept. A rollback takes no migration back.`

const COMMANDS = ['deploy', 'status', 'rollback', 'setup'] as const
const PROJECT_FILES = ['systemd.service', 'sysctl.conf', 'logrotate.conf', 'setup.sh']

await runCommand(USAGE, async () => {
  const { command, host, path, ssh, dryRun } = readCommand()
  const server = openServer({ host, path, name, sshOptions: ssh })
  try {
    if (command === 'deploy') await deploy(server, dryRun)
    else if (command === 'setup') await server.runSetup(PROJECT_FILES, [name, path, dryRun ? 'dry' : 'real'])
    else if (command === 'status') await server.step('status')
    else if (dryRun) throw new UsageError('rollback has no dry run: status shows the releases')
    else await server.step('rollback')
  } finally {
    await server.close()
  }
})

function readCommand() {
  const { values, positionals } = readArguments(
    {
      'dry-run': { type: 'boolean', default: false },
      path: { type: 'string', default: `/srv/${name}` },
      ssh: { type: 'string', default: '' },
    },
    2,
  )
  const [first = '', second] = positionals
  const isNamed = second !== undefined || COMMANDS.some((known) => known === first)
  const command = isNamed ? oneOf(first, COMMANDS, 'command') : 'deploy'
  const host = isNamed ? second : first
  if (!host) throw new UsageError('It takes one server: user@host')
  if (!/^[\w.-]+@[\w.:-]+$/.test(host)) throw new UsageError(`"${host}" is no user@host`)
  if (!/^\/[\w./-]+$/.test(values.path))
    throw new UsageError(`"${values.path}" is no absolute path without blanks`)
  return { command, host, path: values.path, ssh: values.ssh, dryRun: values['dry-run'] }
}

async function deploy(server: Server, dryRun: boolean): Promise<void> {
  const started = performance.now()
  const files = filesToShip()
  const release = releaseName(new Date())
  if (dryRun) {
    console.log(await server.compare(files))
    return
  }
  console.log(`== ${release}`)
  const facts = await server.ask('prepare', release)
  const aborted = onSignal(() => server.step('abort', release))
  try {
    const sent = await server.send(files, release, facts.previous)
    console.log(`== sent ${sent.files} of ${files.length} files, ${sent.bytes} bytes`)
    const bun = fetchOfBun(facts.machine ?? '')
    await server.step('activate', release, bun.version, bun.url, bun.sha512)
  } catch (error) {
    await server.step('abort', release).catch(() => {})
    throw error
  } finally {
    aborted()
  }
  console.log(`== done in ${((performance.now() - started) / 1000).toFixed(1)} s`)
}

/** Ctrl-C lets go of what was begun. Returns how to stop listening. */
function onSignal(cleanUp: () => Promise<unknown>): () => void {
  const listener = () => void cleanUp().finally(() => process.exit(130))
  process.once('SIGINT', listener)
  return () => process.off('SIGINT', listener)
}
