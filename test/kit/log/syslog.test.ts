// Syslog: lines as RFC 5424, cut between characters, and no harm when it is away.
import { describe, expect, test } from 'bun:test'
import { SyslogSink } from '../../../src/kit/log/syslog.ts'
import { until } from '../support/until.ts'
import { run, TIME } from '../support/log.ts'

async function listen(hostname = '127.0.0.1') {
  const datagrams: Buffer[] = []
  const server = await Bun.udpSocket({
    hostname,
    socket: { data: (_, bytes) => void datagrams.push(Buffer.from(bytes)) },
  })
  return { server, datagrams, [Symbol.dispose]: () => server.close() }
}

const at = (datagrams: Buffer[], n: number) => until(`datagram ${n}`, () => datagrams[n])

describe('syslog', () => {
  test('gets each line as RFC 5424, its severity mapped', async () => {
    using syslog = await listen()
    const { exitCode } = await run(
      `log.debug('d'); log.info('ü ok'); log.warn('w'); log.error('e'); await log.close()`,
      { level: 'debug', syslog: `udp://localhost:${syslog.server.port}` },
    )
    expect(exitCode).toBe(0)
    await at(syslog.datagrams, 3)
    const lines = syslog.datagrams.map((d) => d.toString('utf8')).toSorted()
    // local0 is 16: 16 * 8 + severity.
    expect(lines.map((line) => line.slice(0, 6))).toEqual(['<131>1', '<132>1', '<134>1', '<135>1'])
    expect(lines[2]).toMatch(
      new RegExp(`^<134>1 ${TIME.source} \\S+ notebook \\d+ - - \\{"level":"info".*"msg":"ü ok"\\}$`),
    )
  })

  // The three lengths of the start move the limit to each byte of a character.
  test.each(['', 'x', 'xx'])('gets a long line cut at 8 kB between two characters: %p', async (start) => {
    using syslog = await listen()
    const sink = new SyslogSink(`udp://127.0.0.1:${syslog.server.port}`, 'notebook', () => {})
    sink.write('info', '2026-11-23T00:00:00.000Z', start + '€'.repeat(10_000))
    const datagram = await at(syslog.datagrams, 0)
    await sink.close()
    expect(datagram.length).toBeGreaterThan(8189)
    expect(datagram.length).toBeLessThanOrEqual(8192)
    expect(datagram.toString('utf8')).toEndWith('€€')
  })

  test('that is away or cannot be found neither fails nor blocks the writer', async () => {
    const { server } = await listen()
    const { port } = server
    server.close()
    for (const url of [`udp://127.0.0.1:${port}`, 'udp://no-such-host.invalid']) {
      const sink = new SyslogSink(url, 'notebook', () => {})
      for (let i = 0; i < 5000; i++) sink.write('error', '2026-11-23T00:00:00.000Z', 'nobody hears this')
      await sink.close()
    }
  })

  test('gets the first line that is sent after it came back', async () => {
    const away = await listen()
    const { port } = away.server
    const sink = new SyslogSink(`udp://127.0.0.1:${port}`, 'notebook', () => {})
    sink.write('info', '2026-11-23T00:00:00.000Z', 'one')
    await at(away.datagrams, 0)
    away.server.close()
    sink.write('info', '2026-11-23T00:00:00.000Z', 'refused')
    const datagrams: Buffer[] = []
    const back = await Bun.udpSocket({
      hostname: '127.0.0.1',
      port,
      socket: { data: (_, bytes) => void datagrams.push(Buffer.from(bytes)) },
    })
    sink.write('info', '2026-11-23T00:00:00.000Z', 'two')
    expect((await at(datagrams, 0)).toString()).toEndWith('two')
    await sink.close()
    back.close()
  })
})
