// The container files, without an engine: what they name exists, nothing runs as root, and no secret gets into an image.
import { expect, test } from 'bun:test'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { YAML } from 'bun'
import postgresJs from 'postgres'
import { loadConfig } from '../../../src/config.ts'
import packageJson from '../../../package.json'

const ROOT = join(import.meta.dir, '../../..')
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8')

interface Service {
  image: string
  command?: string[]
  environment?: Record<string, string | number>
  build?: { target: string }
  ports?: string[]
  volumes?: string[]
  depends_on?: Record<string, { condition: string }>
  healthcheck?: { test?: string[]; disable?: boolean }
  read_only?: boolean
  tmpfs?: string[]
}
const parse = (path: string) =>
  YAML.parse(read(path)) as { name: string; services: Record<string, Service>; volumes: object }
const compose = parse('compose.yaml')
const ours = Object.entries(compose.services).filter(
  ([, { image }]) => substitute(image) === packageJson.name,
)

/** The stages of the Dockerfile by name, in order, each with its instructions. */
function readStages(): Map<string, { instruction: string; argument: string }[]> {
  const stages = new Map<string, { instruction: string; argument: string }[]>([['', []]])
  let current = stages.get('') ?? []
  for (const line of read('Dockerfile')
    .replaceAll(/^\s*#.*\n/gm, '')
    .replaceAll('\\\n', ' ')
    .split('\n')) {
    const [, instruction, argument = ''] = /^(\w+)\s+(.*)$/.exec(line) ?? []
    if (instruction === undefined) continue
    const name = /\bAS (\w+)$/.exec(argument)?.[1]
    if (instruction === 'FROM') stages.set(name ?? argument, (current = []))
    current.push({ instruction, argument })
  }
  return stages
}
const stages = readStages()
const last = (stage: string, instruction: string) =>
  stages.get(stage)?.findLast((line) => line.instruction === instruction)?.argument

test('the default image is that of production, and runs as a user without privileges', () => {
  expect([...stages.keys()].at(-1)).toBe('production')
  for (const stage of ['production', 'debug']) expect(last(stage, 'USER')).toBe('bun')
  expect(last('production', 'ENV')).toContain('NODE_ENV=production')
  expect(last('production', 'STOPSIGNAL')).toBe('SIGTERM')
  expect(last('dependencies', 'RUN')).toContain('--production')
})

test('the image has the Bun that package.json pins', () => {
  expect(last('', 'ARG')).toBe(`BUN_IMAGE=oven/bun:${packageJson.devDependencies.bun}-slim`)
})

test('all that is copied or run exists', () => {
  const copied = [...stages.values()]
    .flat()
    .filter(({ instruction, argument }) => instruction === 'COPY' && !argument.startsWith('--from'))
    .flatMap(({ argument }) => argument.split(' ').slice(0, -1))
  const run = ['production', 'debug'].flatMap((stage) => [last(stage, 'CMD'), last(stage, 'HEALTHCHECK')])
  const started = [
    ...run,
    ...Object.values(compose.services).map(({ command }) => command?.join(' ')),
  ].flatMap((command) => command?.match(/\b(src|scripts)\/[\w/]+\.ts/g) ?? [])
  expect(started).toContain('src/supervisor.ts')
  expect(started).toContain('scripts/deploy/healthcheck.ts')
  for (const path of [...copied, ...started])
    expect([path, existsSync(join(ROOT, path))]).toEqual([path, true])
})

test('what is secret, or large, or of this machine alone, stays out of every image', () => {
  const ignored = read('.dockerignore').split('\n')
  for (const path of ['.env', '.env.*', '.git', '.data', '**/node_modules']) expect(ignored).toContain(path)
})

test.each(ours)('%s starts with the settings that it is given', (_name, { environment = {} }) => {
  const known = new Set(
    read('.env.example')
      .match(/^# [A-Z_]+(?==)/gm)
      ?.map((line) => line.slice(2)),
  )
  expect(Object.keys(environment).filter((name) => !known.has(name))).toEqual([])
  const settings = Object.entries(environment).map(([name, value]) => [name, substitute(String(value))])
  const config = loadConfig({ NODE_ENV: 'production', ...Object.fromEntries(settings) })
  expect(config.cookie.secure).toBe(false) // on http://127.0.0.1
})

test('Redis and Postgres ask for a password, and the service is no superuser', () => {
  const { postgres, redis } = compose.services
  const { DATABASE_URL = '', REDIS_URL = '' } = ours[0]?.[1].environment ?? {}
  const { username, password, pathname } = new URL(substitute(String(DATABASE_URL)))
  expect(username).toBe(substitute(String(postgres?.environment?.SERVICE)))
  expect(pathname).toBe(`/${username}`)
  expect(username).not.toBe(String(postgres?.environment?.POSTGRES_USER))
  expect(password).toBe(substitute(String(postgres?.environment?.POSTGRES_PASSWORD)))
  expect(postgres?.volumes?.[1]).toBe('./scripts/deploy/initdb.sh:/docker-entrypoint-initdb.d/initdb.sh:ro')

  const asked = redis?.command?.[redis.command.indexOf('--requirepass') + 1] ?? ''
  expect(new URL(substitute(String(REDIS_URL))).password).toBe(substitute(asked))
  expect(redis?.environment?.REDISCLI_AUTH).toBe(asked) // the health check's
})

const psql = Bun.which('psql')
if (!psql) process.stderr.write('SKIPPED: the set-up of Postgres in compose, because psql is not installed\n')

test.skipIf(!psql)('the set-up of Postgres makes a user without privileges, and its database', async () => {
  const admin = new URL(process.env.TEST_DATABASE_URL ?? '')
  const [service, superuser] = [`compose_${randomId()}`, `super_${randomId()}`]
  const sql = postgresJs(admin.href, { max: 1 })
  try {
    await sql.unsafe(`create role ${superuser} superuser login password 'one'`)
    const child = Bun.spawn([join(ROOT, 'scripts/deploy/initdb.sh')], {
      env: {
        PATH: process.env.PATH,
        PGHOST: admin.hostname,
        PGPORT: admin.port,
        PGPASSWORD: 'one',
        POSTGRES_USER: superuser,
        POSTGRES_PASSWORD: `it's`,
        SERVICE: service,
      },
      stderr: 'pipe',
    })
    expect([await child.exited, await child.stderr.text()]).toEqual([0, ''])
    const [role] =
      await sql`select rolsuper, rolcreatedb, rolcreaterole from pg_roles where rolname = ${service}`
    expect(role).toEqual({ rolsuper: false, rolcreatedb: false, rolcreaterole: false })
    const [{ open } = {}] =
      await sql`select rolpassword is null as open from pg_authid where rolname = ${superuser}`
    expect(open).toBe(true)

    const url = new URL(admin)
    Object.assign(url, { username: service, password: `it's`, pathname: `/${service}` })
    const own = postgresJs(url.href, { max: 1 })
    await own`create table things (id int)` // it owns its database
    await own.end()
  } finally {
    await sql.unsafe(`drop database if exists ${service}`)
    await sql.unsafe(`drop role if exists ${service}, ${superuser}`)
    await sql.end()
  }
})

const randomId = () => crypto.randomUUID().slice(0, 8)

test('every service waits for what it needs to be healthy', () => {
  for (const [name, { depends_on: needs = {} }] of Object.entries(compose.services)) {
    for (const [needed, { condition }] of Object.entries(needs)) {
      const service = compose.services[needed]
      expect([name, needed, service !== undefined]).toEqual([name, needed, true])
      if (condition === 'service_healthy') expect(service?.healthcheck?.test).toBeDefined()
    }
  }
  const needsOf = (name: string) => Object.entries(compose.services[name]?.depends_on ?? {})
  expect(Object.fromEntries(needsOf('api').map(([needed, { condition }]) => [needed, condition]))).toEqual({
    migrate: 'service_completed_successfully',
    postgres: 'service_healthy',
    redis: 'service_healthy',
  })
  expect(needsOf('migrate').map(([needed]) => needed)).toEqual(['postgres'])
})

test('our containers cannot write to their file system, and all ports are for this machine alone', () => {
  expect(ours.map(([name]) => name)).toEqual(['migrate', 'api', 'worker'])
  for (const [, service] of ours) expect([service.read_only, service.tmpfs]).toEqual([true, ['/tmp']])
  const ports = Object.values(compose.services).flatMap((service) => service.ports ?? [])
  expect(ports.length).toBeGreaterThan(0)
  for (const port of ports) expect(port).toStartWith('127.0.0.1:')
})

test('Redis writes down what it holds, and throws none of it away', () => {
  const command = compose.services.redis?.command?.join(' ')
  expect(command).toContain('--appendonly yes')
  expect(command).toContain('--maxmemory-policy noeviction')
  for (const name of ['postgres', 'redis']) {
    const [volume = ''] = compose.services[name]?.volumes?.[0]?.split(':') ?? []
    expect(Object.keys(compose.volumes)).toContain(volume)
  }
})

test('for development each of our services is replaced by its debug image', () => {
  const debug = parse('scripts/deploy/compose.debug.yaml')
  expect(Object.keys(debug.services)).toEqual(ours.map(([name]) => name))
  for (const service of Object.values(debug.services)) {
    expect(stages.has(service.build?.target ?? '')).toBe(true)
    for (const volume of service.volumes ?? [])
      expect(existsSync(join(ROOT, volume.split(':')[0] ?? ''))).toBe(true)
  }
})

/** As Compose reads it where no variable is set: it knows the name of the project, and takes the default of `${NAME:-default}`. */
function substitute(value: string): string {
  return value.replaceAll('${COMPOSE_PROJECT_NAME}', compose.name).replaceAll(/\$\{\w+:-([^}]*)\}/g, '$1')
}
