// What `npm run dev` shows once it answers: what runs where, on one screen.
import { eachHost } from '../../src/kit/config/hosts.ts'
import { folderAsGiven } from '../../src/kit/process/environment.ts'
import type { Config } from '../../src/config.ts'
import { MIGRATIONS_FOLDER, readMigrations } from '../migrate/folder.ts'

type Child = { entry: string; process: { pid: number } }

/** @param url of the server @returns lines of a name and what belongs to it, without a password */
export function screenOf(config: Config, url: string, children: Child[]): string {
  const newest = readMigrations(MIGRATIONS_FOLDER).at(-1)
  const rows: [string, string][] = [
    ...(config.apiList ? [['API', `${url}/api/list`] as [string, string]] : []),
    ['Mails', `${url}/apitest/mails, unless SMTP_URL is set`],
    ['Postgres', placeOf(config.databaseUrl)],
    ['Redis', placeOf(config.redisUrl)],
    ...children.map(({ entry, process }): [string, string] => ['Process', `${process.pid}  ${entry}`]),
    [
      'Migrations',
      newest ? `applied up to drizzle/${newest.tag}.sql; one that is missing is told here` : 'none',
    ],
    ['Files', folderAsGiven(process.env.PWD)],
    ['Tests', 'npm run dev -- --test runs those that an edit concerns'],
  ]
  return rows.map(([name, what]) => `  ${name.padEnd(11)} ${what}`).join('\n')
}

/** Hosts, ports and path of a URL: neither user nor password, nor parameters, which may hold one. */
function placeOf(url: string): string {
  const each = eachHost(url).map((one) => new URL(one))
  const hosts = each.map(({ host, searchParams }) => host || (searchParams.get('host') ?? 'a socket'))
  return `${hosts.join()}${each[0]?.pathname}`
}
