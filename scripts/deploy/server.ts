// A server over ssh: one connection for all steps, files by rsync, and the server's side of a deploy run there.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const ROOT = join(import.meta.dir, '../..')
const CONNECT_TIMEOUT_S = 10
// Content decides, and not the time of a file: a fresh clone has new times. Modes come from here, owners do not.
const RSYNC = [
  'rsync',
  '--recursive',
  '--links',
  '--perms',
  '--chmod=D750,Fu=rwX,Fg=rX,Fo=',
  '--checksum',
  '--whole-file',
  '--compress',
]

export type Server = ReturnType<typeof openServer>

export interface Target {
  host: string
  /** The service's folder there. */
  path: string
  name: string
  /** As on a command line. */
  sshOptions: string
}

/** Connects with the first step. A host that asks for a password is refused: deploys are by key. */
export function openServer({ host, path, name, sshOptions }: Target) {
  const folder = mkdtempSync(join(tmpdir(), 'deploy-'))
  const ssh = [
    'ssh',
    ...['BatchMode=yes', `ConnectTimeout=${CONNECT_TIMEOUT_S}`, 'ControlMaster=auto', 'ControlPersist=60']
      .concat(`ControlPath=${folder}/%C`)
      .flatMap((option) => ['-o', option]),
    ...sshOptions.split(' ').filter(Boolean),
  ]
  const script = readFileSync(join(import.meta.dir, 'server.sh'), 'utf8')

  /** @returns what it printed @throws Error if it failed; its own words have been shown by then */
  async function run(command: string[], { input = '', show = true } = {}): Promise<string> {
    const child = Bun.spawn(command, {
      cwd: ROOT,
      stdin: new Blob([input]),
      stdout: 'pipe',
      stderr: 'inherit',
      // Ctrl-C is for the deploy: it would end ssh, and the step would go on unseen.
      detached: true,
    })
    let said = ''
    for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) {
      said += chunk
      if (show) process.stdout.write(chunk)
    }
    const code = await child.exited
    if (code !== 0) throw new Error(`${command[0]} ${host} ended with exit code ${code}`)
    return said
  }
  const onServer = (words: string[]) => [...ssh, host, words.map(quote).join(' ')]
  const runStep = (words: string[], show: boolean) =>
    run(onServer(['sh', '-s', '--', path, name, ...words]), { input: script, show })
  const list = (files: string[]) => ({ input: files.join('\0'), show: false })
  const rsync = [...RSYNC, '--files-from=-', '--from0', '-e', ssh.map(quote).join(' ')]

  return {
    host,

    /** Runs a step of server.sh; what it says is shown. */
    async step(...words: string[]): Promise<void> {
      await runStep(words, true)
    },

    /** Runs a step that answers with lines of `key: value`. */
    async ask(...words: string[]): Promise<Record<string, string>> {
      const said = await runStep(words, false)
      return Object.fromEntries([...said.matchAll(/^(\w+): (.*)$/gm)].map(([, key, value]) => [key, value]))
    },

    /** Copies into a release; a file that is the same in the previous one becomes a hard link to it. */
    async send(
      files: string[],
      release: string,
      previous?: string,
    ): Promise<{ files: string; bytes: string }> {
      const links = previous ? [`--link-dest=../${previous}`] : []
      const to = `${host}:${path}/releases/${release}/`
      const said = await run([...rsync, ...links, '--stats', './', to], list(files))
      return {
        files: /files transferred: ([\d,.]+)/.exec(said)?.[1] ?? '?',
        bytes: /Total bytes sent: ([\d,.]+)/.exec(said)?.[1] ?? '?',
      }
    },

    /** What a deploy would change, against the current release. */
    async compare(files: string[]): Promise<string> {
      const changes = await run(
        [...rsync, '--dry-run', '--itemize-changes', './', `${host}:${path}/current/`],
        list(files),
      )
      const sent = changes.match(/^<f.*$/gm)?.map((line) => line.replace(/^\S+ /, '  ')) ?? []
      return `would send ${sent.length} of ${files.length} files to ${host}:${path}\n${sent.join('\n')}`
    },

    /** Sends files of scripts/deploy to a folder of their own and runs setup.sh there. */
    async runSetup(files: string[], words: string[]): Promise<void> {
      const archive = Bun.spawnSync(['tar', '-cf', '-', ...files], { cwd: import.meta.dir }).stdout
      const there =
        'd=$(mktemp -d) && tar -xf - -C "$d" && sh "$d/setup.sh" "$@" "$d"; code=$?; rm -rf "$d"; exit $code'
      const child = Bun.spawn(onServer(['sh', '-c', there, 'sh', ...words]), {
        stdin: archive,
        stdout: 'inherit',
        stderr: 'inherit',
      })
      if ((await child.exited) !== 0) throw new Error('The server is not set up')
    },

    async close(): Promise<void> {
      await Bun.spawn([...ssh, '-O', 'exit', host], { stdio: ['ignore', 'ignore', 'ignore'] }).exited
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

const quote = (word: string) => `'${word.replaceAll("'", `'\\''`)}'`
