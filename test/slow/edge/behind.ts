// Serves the app of a test by two processes behind a proxy.
import { join } from 'node:path'
import { loadConfig } from '../../../src/config.ts'
import type { Proxy, Site } from '../../kit/support/proxies.ts'
import { startProcess } from './process.ts'

const SERVER = join(import.meta.dir, 'entries/bun.ts')

/** `serveElsewhere` for a proxy: all paths lead to the app, those for a front-end too. */
export const serveBehind = (startProxy: (site: Site) => Promise<Proxy>) =>
  async function serveElsewhere(settings: Record<string, string>) {
    const env = { PATH: process.env.PATH ?? '', TRUSTED_PROXIES: '127.0.0.1', ...settings }
    const servers = await Promise.all([1, 2].map(() => startProcess([process.execPath, SERVER], env)))
    const api = servers.map(({ url }) => new URL(url).host)
    const proxy = await startProxy({ api, bodyLimit: loadConfig(settings).bodyLimit })
    return {
      url: proxy.url,
      async stop() {
        await proxy.stop()
        await Promise.all(servers.map((server) => server.stop()))
      },
    }
  }
