// The server as a process: it says what is wrong at start, drains at a signal, and takes edits while it runs.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { withConnection } from '../../../scripts/connection.ts'
import { Client } from '../support/client.ts'
import { NEW_MEMBER } from '../support/harness.ts'
import { createDatabase, deletePrefix, serverEnv, uniquePrefix } from '../support/services.ts'
import { copyCheckout } from '../support/supervised.ts'
import { until } from '../support/until.ts'
import { freePort } from '../support/ports.ts'

const ROOT = join(import.meta.dir, '../../..')
const prefix = uniquePrefix()
let database: { url: string; drop(): Promise<void> }
beforeAll(async () => {
  database = await createDatabase('kit')
})
afterAll(async () => {
  await deletePrefix(prefix)
  await database.drop()
})

/** Starts a server process; its output grows in `output()`. */
function start(
  env: Record<string, string> = {},
  { cwd = ROOT, hot = false, entry = 'test/kit/product/server.ts', args = [] as string[] } = {},
) {
  const child = Bun.spawn(
    [process.execPath, ...(hot ? ['--hot'] : []), '--no-clear-screen', entry, ...args],
    {
      cwd,
      env: { ...serverEnv(database.url, prefix), ...env },
      stdout: 'pipe',
      stderr: 'pipe',
    },
  )
  let text = ''
  const read = async (stream: ReadableStream<Uint8Array>) => {
    for await (const chunk of stream) text += new TextDecoder().decode(chunk)
  }
  const ended = Promise.all([read(child.stdout), read(child.stderr), child.exited])
  return {
    child,
    output: () => text,
    url: () =>
      until('the server to listen', () => /listening on (http\S+)/.exec(text)?.[1]?.replace(/\/$/, '')),
    /** The exit code, when all output has been read. */
    exit: async () => (await ended)[2],
  }
}

test('SIGTERM answers what was accepted, refuses what comes, and exits 0', async () => {
  const server = start()
  const url = await server.url()
  const locked = Promise.withResolvers<void>()
  const release = Promise.withResolvers<void>()
  const holding = withConnection(database.url, (admin) =>
    admin.begin(async (tx) => {
      await tx`lock table members`
      locked.resolve()
      await release.promise
    }),
  )
  await locked.promise
  const accepted = new Client(url).post('/club/join', NEW_MEMBER)
  await until('the request to be in', () =>
    withConnection(database.url, async (admin) => {
      const waiting = await admin`
        select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
      return waiting.length > 0
    }),
  )
  server.child.kill('SIGTERM')
  await until('the drain', () => server.output().includes('stopping (SIGTERM)'))
  release.resolve()
  await holding
  const reply = await accepted
  expect([reply.status, reply.headers.get('connection')]).toEqual([201, 'close'])
  expect(await server.exit()).toBe(0)
  await expect(fetch(`${url}/health`)).rejects.toThrow()
  expect(server.output()).toContain('stopping (SIGTERM)')
})

test('an idle keep-alive connection does not hold up the end', async () => {
  const server = start()
  const { hostname, port } = new URL(await server.url())
  let seen = ''
  const socket = await Bun.connect({
    hostname,
    port: Number(port),
    socket: { data: (_s, chunk) => void (seen += chunk.toString()) },
  })
  socket.write('GET /health HTTP/1.1\r\nHost: x\r\n\r\n')
  await until('an answer', () => seen.includes('"ok"'))
  server.child.kill('SIGTERM')
  expect(await server.exit()).toBe(0)
  socket.end()
})

test('a taken port is told in a line, with what to do', async () => {
  const taken = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: () => new Response() })
  try {
    const server = start({ PORT: String(taken.port) })
    expect(await server.exit()).toBe(1)
    expect(server.output()).toContain(`port ${taken.port} is taken`)
    expect(server.output()).not.toContain('    at ')
  } finally {
    await taken.stop(true)
  }
})

test('faulty settings are told plainly, all at once', async () => {
  const server = start({ PORT: 'x', COOKIE_SECURE: 'y' })
  expect(await server.exit()).toBe(1)
  expect(server.output()).toMatch(/PORT.*\n.*COOKIE_SECURE/)
  expect(server.output()).not.toContain('    at ')
})

test('SIGUSR2 opens the log file again after a rotation', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'restbun-log-'))
  const file = join(folder, 'app.log')
  try {
    const server = start({ LOG_FILE: file })
    const url = await server.url()
    await until('the first lines', () => readFileSync(file, 'utf8').includes('listening'))
    rmSync(file)
    server.child.kill('SIGUSR2')
    await until('the new file', async () => {
      await fetch(`${url}/health`)
      return readSafely(file).includes('/health')
    })
    server.child.kill('SIGTERM')
    expect(await server.exit()).toBe(0)
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('an edit shows on the next request, and leaks no connections; a broken one leaves the last good round', async () => {
  const copy = copyCheckout()
  try {
    const health = join(copy, 'src/kit/system/health.ts')
    const original = readFileSync(health, 'utf8')
    // `--hot` must find the same one again.
    const server = start({ PORT: String(await freePort()) }, { cwd: copy, hot: true })
    const url = await server.url()
    const status = async () => ((await (await fetch(`${url}/health`)).json()) as { status: string }).status
    expect(await status()).toBe('ok')

    for (const round of ['one', 'two', 'three']) {
      writeFileSync(health, original.replaceAll("status: 'ok'", `status: '${round}'`))
      await until(`round ${round}`, async () => (await status()) === round)
      expect((await fetch(`${url}/ready`)).status).toBe(200)
    }
    writeFileSync(health, 'export const health = (')
    await until('the complaint', () => server.output().includes(`an edit is broken at ${health}:1:`))
    expect(await status()).toBe('three')
    writeFileSync(health, original)
    await until('the repaired round', async () => (await status()) === 'ok')

    // One pool of one connection in use, not one for each round.
    await until('the pools of earlier rounds to close', async () => (await connections()) <= 2)
    server.child.kill('SIGTERM')
    expect(await server.exit()).toBe(0)
  } finally {
    rmSync(copy, { recursive: true })
  }
})

test('a worker takes up edits, of several files at once too, and works on', async () => {
  const copy = copyCheckout()
  try {
    const worker = start({}, { cwd: copy, hot: true, entry: 'test/kit/product/worker.ts' })
    const said = (words: string) => until(words, () => worker.output().includes(words))
    await said('worker at work')
    expect(worker.output()).toMatch(/worker at work.* queues=default(,\w+)* /)
    const [tasks, crons] = [join(copy, 'test/kit/product/tasks.ts'), join(copy, 'test/kit/product/crons.ts')]
    const [someTasks, someCrons] = [readFileSync(tasks, 'utf8'), readFileSync(crons, 'utf8')]
    for (const [ofTasks, ofCrons] of [
      [1, 1],
      [2, 0],
      [0, 1],
    ]) {
      writeFileSync(tasks, `${someTasks}\ntasks.length = ${ofTasks}\n`)
      writeFileSync(crons, `${someCrons}\ncrons.length = ${ofCrons}\n`)
      await said(`tasks=${ofTasks} crons=${ofCrons}`)
    }
    worker.child.kill('SIGTERM')
    expect(await worker.exit()).toBe(0)
    expect(worker.output().match(/stopping .*/g)).toEqual(['stopping (SIGTERM)'])
  } finally {
    rmSync(copy, { recursive: true })
  }
})

test('a program takes up edits: without overlap its old version ends before the new one begins, and a broken one ends none', async () => {
  const copy = copyCheckout()
  try {
    const entry = 'test/kit/product/program.ts'
    const program = start({}, { cwd: copy, hot: true, entry, args: ['--program', 'scribe'] })
    const times = (words: string) => program.output().split(words).length - 1
    const said = (words: string, n: number) => until(`${n} x ${words}`, () => times(words) === n)
    await said('program ready', 1)
    const file = join(copy, 'test/kit/product/scribe.ts')
    const code = readFileSync(file, 'utf8')
    writeFileSync(file, code.replace('has closed', 'has shut'))
    await said('program ready', 2)
    expect(times('scribe has closed its book')).toBe(1)
    writeFileSync(file, 'export const run = (')
    await said(`an edit is broken at ${file}:1:`, 1)
    writeFileSync(file, code)
    await said('program ready', 3)
    expect(times('scribe has shut its book')).toBe(1)
    expect(program.output()).not.toContain('two at once')
    program.child.kill('SIGTERM')
    expect(await program.exit()).toBe(0)
    expect(times('scribe has closed its book')).toBe(2)
  } finally {
    rmSync(copy, { recursive: true })
  }
})

test('a program that is broken at its first start waits for the edit that mends it', async () => {
  const copy = copyCheckout()
  try {
    const entry = 'test/kit/product/program.ts'
    const file = join(copy, 'test/kit/product/scribe.ts')
    const code = readFileSync(file, 'utf8')
    writeFileSync(file, 'export const run = (')
    const program = start({}, { cwd: copy, hot: true, entry, args: ['--program', 'scribe'] })
    await until('the complaint', () => program.output().includes(`an edit is broken at ${file}:1:`))
    writeFileSync(file, code)
    await until('the program', () => program.output().includes('program ready'))
    program.child.kill('SIGTERM')
    expect(await program.exit()).toBe(0)
  } finally {
    rmSync(copy, { recursive: true })
  }
})

test.each([
  [
    'a name that is not declared',
    ['--program', 'ecko'],
    '--program "ecko": programs.ts declares no such program, but echo, scribe',
  ],
  ['no name', [], '--program "": programs.ts declares no such program'],
])('a program by %s is told what there is', async (_, args, told) => {
  const program = start({}, { entry: 'test/kit/product/program.ts', args })
  expect(await program.exit()).toBe(1)
  expect(program.output()).toStartWith(told)
})

async function connections(): Promise<number> {
  const sql = new Bun.SQL(database.url)
  try {
    const rows = await sql`
      select count(*)::int as n from pg_stat_activity
      where datname = current_database() and application_name = ${'notebook'}`
    return rows[0].n
  } finally {
    await sql.end()
  }
}

function readSafely(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}
