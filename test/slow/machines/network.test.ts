// The network that the tests of several machines stand on is a network, and leaves nothing behind.
import { expect, test } from 'bun:test'
import { createNetwork } from './network.ts'

const answers = (url: string) =>
  fetch(url, { signal: AbortSignal.timeout(1000) }).then(
    (reply) => reply.text(),
    (error: unknown) => String(error instanceof Error && error.name),
  )

test('machines reach each other, until a link is cut', async () => {
  const network = createNetwork()
  if (!network) throw new Error('no network can be made here: it takes root')
  try {
    const [a, b] = [network.add('a'), network.add('b')]
    const server = `Bun.serve({ hostname: '0.0.0.0', port: 80, fetch: () => new Response('here') }); console.log('up')`
    const child = a.start([process.execPath, '-e', server], { stdio: ['ignore', 'pipe', 'ignore'] })
    await new Promise((up) => child.stdout?.once('data', up))
    const url = `http://${a.address}/`
    const fromB = () => b.run(process.execPath, '-e', `console.log(await (await fetch('${url}')).text())`)

    expect(await answers(url)).toBe('here')
    expect(fromB()).toBe('here\n')

    a.cut()
    expect(await answers(url)).not.toBe('here')

    a.mend()
    while ((await answers(url)) !== 'here');
  } finally {
    network.remove()
  }
  const left = Bun.spawnSync(['sh', '-c', 'ip netns; ip link']).stdout.toString()
  expect(left).not.toContain(`rb${process.pid}`)
})
