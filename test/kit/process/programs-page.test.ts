// The listener that the page about programs shows: it runs as it stands there.
import { expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ProgramModule } from '../../../src/kit/process/program.ts'
import { silent } from '../support/log.ts'
import { applyBlock, blocksOf } from '../support/page.ts'
import { until } from '../support/until.ts'
import { freePort } from '../support/ports.ts'

const ROOT = join(import.meta.dir, '../../..')
const PAGE = 'src/kit/process/README.md'

test('it answers, bounds what it is sent, and lets go of everybody at its signal', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'restbun-greeter-'))
  const [path = ''] = blocksOf(ROOT, PAGE)
    .filter(({ text }) => text.startsWith('// src/greeter'))
    .map((block) => applyBlock(folder, block))
  const file = join(folder, path)
  const stopping = new AbortController()
  try {
    type Deps = { config: { greeterPort: number }; log: typeof silent }
    const { run } = (await import(file)) as ProgramModule<Deps>
    const port = await freePort()
    const { promise: isReady, resolve: ready } = Promise.withResolvers<void>()
    const given = { number: 1, signal: stopping.signal, redis: undefined as never, ready }
    const ended = run(given, { config: { greeterPort: port }, log: silent })
    await isReady
    const client = () => {
      const socket = connect(port, '127.0.0.1').setEncoding('utf8')
      const heard = { text: '', isOver: false }
      socket.on('data', (text: string) => (heard.text += text)).on('close', () => (heard.isOver = true))
      return { socket, heard: socket.on('error', () => {}) && heard }
    }
    const [ann, flood] = [client(), client()]
    ann.socket.write('Ann\nBo')
    ann.socket.write('b\n')
    await until('both names', () => ann.heard.text === 'Hello, Ann!\nHello, Bob!\n')
    flood.socket.write('x'.repeat(1000))
    await until('the end of a name without end', () => flood.heard.isOver)
    stopping.abort()
    await ended
    await until('its last word', () => ann.heard.isOver)
    expect(ann.heard.text).toEndWith('Bye!\n')
  } finally {
    stopping.abort()
    rmSync(folder, { recursive: true })
  }
})
