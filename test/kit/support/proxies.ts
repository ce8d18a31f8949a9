// A real nginx, Caddy or HAProxy with the project's own configuration: only addresses, names and folders are a test's.
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { until } from './until.ts'
import { freePort } from './ports.ts'

const DEPLOY = join(import.meta.dir, '../../../scripts/deploy')

/** Where Debian has them: an ordinary user's PATH lacks sbin. */
const find = (program: string) =>
  Bun.which(program, { PATH: `${process.env.PATH ?? ''}:/usr/sbin:/usr/local/sbin` })
export const nginx = find('nginx')
export const caddy = find('caddy')
export const haproxy = find('haproxy')

export interface Site {
  /** host:port of each API process. */
  api: string[]
  /** They are hosts of their own: \`nginx-hosts.conf\` counts. */
  areHosts?: boolean
  frontEnd?: string
  /** The folder that holds `static/`. */
  files?: string
  /** Bytes. */
  bodyLimit?: number
  certificate?: { certificate: string; key: string }
  /** Beside TLS, the port that takes what comes in clear. */
  plainPort?: number
}

export interface Proxy {
  url: string
  port: number
  /** The log of requests, where it keeps one. */
  requests?(): string
  stop(): Promise<void>
}

/** Replaces what a site has to change; a text that is not there any more is an error. */
function adapt(text: string, changes: [from: string, to: string][]): string {
  return changes.reduce((adapted, [from, to]) => {
    if (!adapted.includes(from)) throw new Error(`the configuration has no ${JSON.stringify(from)}`)
    return adapted.replaceAll(from, to)
  }, text)
}

const API_UPSTREAM =
  /^upstream api \{[^]*?^\}/m.exec(readFileSync(join(DEPLOY, 'nginx.conf'), 'utf8'))?.[0] ?? 'upstream api'

/** @param api two */
const adaptHosts = ([one = '', two = '']: string[], file: 'nginx-hosts.conf' | 'haproxy.cfg') =>
  adapt(readFileSync(join(DEPLOY, file), 'utf8'), [
    ['10.0.0.11:8100', one],
    ['10.0.0.12:8100', two],
  ])

/** Writes a configuration for HAProxy to a folder of its own, which has a socket `stats` as well. */
export function writeHaproxy(api: string[]) {
  const folder = mkdtempSync(join(tmpdir(), 'restbun-haproxy-'))
  const config = join(folder, 'haproxy.cfg')
  const stats = join(folder, 'stats')
  writeFileSync(config, `global\n    stats socket ${stats}\n\n${adaptHosts(api, 'haproxy.cfg')}`)
  return { config, folder, stats }
}

/** Writes a whole configuration for nginx to a folder of its own, around the site. */
export function writeNginx(site: Site, listen = '127.0.0.1:0') {
  const folder = mkdtempSync(join(tmpdir(), 'restbun-nginx-'))
  chmodSync(folder, 0o755) // nginx's workers may be another user's
  const tls = site.certificate
  const plain = site.plainPort === undefined ? '' : `listen 127.0.0.1:${site.plainPort};`
  writeFileSync(
    join(folder, 'site.conf'),
    adapt(readFileSync(join(DEPLOY, 'nginx.conf'), 'utf8'), [
      site.areHosts
        ? [API_UPSTREAM, adaptHosts(site.api, 'nginx-hosts.conf')]
        : ['server 127.0.0.1:8100 max_fails=0;', site.api.map((at) => `server ${at} max_fails=0;`).join(' ')],
      ['server 127.0.0.1:3000;', `server ${site.frontEnd ?? site.api[0]};`],
      ['root /var/www/myapp;', `root ${site.files ?? folder};`],
      ['client_max_body_size 1m;', `client_max_body_size ${site.bodyLimit ?? '1m'};`],
      ['/var/log/nginx/access.log', `${folder}/access.log`],
      ['listen 80;', tls ? plain : `listen ${listen};`],
      ...(tls
        ? ([
            ['#   listen 443 ssl http2;', `listen ${listen} ssl http2;`],
            ['#   ssl_certificate /etc/ssl/api.example.com.pem;', `ssl_certificate ${tls.certificate};`],
            [
              '#   ssl_certificate_key /etc/ssl/private/api.example.com.key;',
              `ssl_certificate_key ${tls.key};`,
            ],
            ['#   ssl_protocols', 'ssl_protocols'],
            ['#   ssl_ciphers', 'ssl_ciphers'],
            ['#   if (', 'if ('],
          ] satisfies [string, string][])
        : []),
    ]),
  )
  const config = join(folder, 'nginx.conf')
  writeFileSync(
    config,
    `daemon off; worker_processes 2; pid ${folder}/pid; error_log ${folder}/error.log;
${process.getuid?.() === 0 ? 'user root;' : ''}
events {}
http {
  access_log off;
  ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((kind) => `${kind}_temp_path ${folder}/${kind};`).join(' ')}
  include ${folder}/site.conf;
}
`,
  )
  return {
    config,
    folder,
    errors: () => readFileSync(join(folder, 'error.log'), 'utf8'),
    requests: () => readFileSync(join(folder, 'access.log'), 'utf8'),
  }
}

/** Starts nginx on a free port. @throws with what it says, if it does not listen */
export async function startNginx(site: Site): Promise<Proxy> {
  const port = await freePort()
  const { config, folder, errors, requests } = writeNginx(site, `127.0.0.1:${port}`)
  const child = Bun.spawn([nginx ?? 'nginx', '-c', config, '-e', join(folder, 'error.log')], {
    stderr: 'pipe',
  })
  const cleanUp = () => rmSync(folder, { recursive: true, force: true })
  return { ...(await serving(child, port, site.certificate ? 'https' : 'http', cleanUp, errors)), requests }
}

/** Writes a Caddyfile to a folder of its own. */
export function writeCaddy(site: Site, address = 'api.example.com', plain = 'http://api.example.com') {
  const folder = mkdtempSync(join(tmpdir(), 'restbun-caddy-'))
  const config = join(folder, 'Caddyfile')
  const text = adapt(readFileSync(join(DEPLOY, 'Caddyfile'), 'utf8'), [
    ['http://api.example.com {', `${plain} {`],
    ['\napi.example.com {', `\n${address} {`],
    ['1048576', String(site.bodyLimit ?? 1_048_576)],
    ['127.0.0.1:8100', site.api.join(' ')],
    ['127.0.0.1:3000', site.frontEnd ?? site.api[0] ?? ''],
    ['root * /var/www/myapp', `root * ${site.files ?? folder}`],
  ])
  writeFileSync(config, `{\n\tadmin off\n}\n${text}`)
  return {
    config,
    folder,
    env: { ...process.env, HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder },
  }
}

/** Starts Caddy on a free port, without TLS. */
export async function startCaddy(site: Site): Promise<Proxy> {
  const port = await freePort()
  // Without TLS: what comes in clear is told apart by its host.
  const { config, folder, env } = writeCaddy(site, `http://:${port}`, `http://in-clear.example:${port}`)
  const child = Bun.spawn([caddy ?? 'caddy', 'run', '--config', config, '--adapter', 'caddyfile'], {
    env,
    stderr: 'pipe',
  })
  return serving(child, port, 'http', () => rmSync(folder, { recursive: true, force: true }))
}

async function serving(
  child: Bun.Subprocess<'ignore', 'pipe' | 'inherit', 'pipe'>,
  port: number,
  scheme: 'http' | 'https',
  cleanUp: () => void,
  errors: () => string = () => '',
): Promise<Proxy> {
  const url = `${scheme}://127.0.0.1:${port}`
  const said = child.stderr.text()
  await until('the proxy to listen', async () => {
    if (child.exitCode !== null) throw new Error(`the proxy ended: ${await said}${errors()}`)
    return fetch(url, { redirect: 'manual', tls: { rejectUnauthorized: false } }).then(
      () => true,
      () => false,
    )
  })
  return {
    url,
    port,
    async stop() {
      child.kill('SIGTERM')
      await child.exited
      cleanUp()
    },
  }
}
