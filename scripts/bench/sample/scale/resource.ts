// A resource as the generator makes it, beside the sample: a copy of a checkout that has it, its rows, and what is asked of it.
import { cpSync, symlinkSync } from 'node:fs'
import { basename, join } from 'node:path'
import postgres from 'postgres'
import { type Checkout, OTHER_EMAIL, RARE } from './stage.ts'

const NEW = ['booking', 'title:string', 'starts:timestamp:index', 'court:int:index', 'note:text?']
const COURTS = 50
const FIRST = Date.parse('2026-01-01T00:00:00Z')
const NOT_COPIED = ['node_modules', '.git', '.data', '.env']

/** Makes the copy in `folder`, and the resource in the copy. @throws Error with what the generator said */
export function addResource({ name, root }: Checkout, folder: string): Checkout {
  const copy = join(folder, 'checkout')
  cpSync(root, copy, { recursive: true, filter: (path) => !NOT_COPIED.includes(basename(path)) })
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'))
  const made = Bun.spawnSync([process.execPath, 'scripts/new.ts', ...NEW], { cwd: copy })
  if (!made.success) throw new Error(`npm run new: ${made.stdout.toString()}${made.stderr.toString()}`)
  return { name, root: copy }
}

/** One account owns every second row, the others one of two each. Their times are in another order than their ids. */
export async function fillResource(url: string, rows: number): Promise<void> {
  const sql = postgres(url, { max: 1 })
  await sql`insert into bookings (title, starts, court, creator)
    select 'Booking number ' || n || case when n = ${rows} / 2 then ${` ${RARE}`} else '' end,
      ${new Date(FIRST)}::timestamptz + n::bigint * 7919 % ${rows} * interval '1 minute', n / 2 % ${COURTS},
      case when n % 2 = 0 then (select id from users where email = ${OTHER_EMAIL}) else person.id end
    from (select id, row_number() over (order by created desc) as n from users) person
    where n <= ${rows}`
  await sql`vacuum analyze bookings`
  await sql.end()
}

/** What is asked, as a query of the list: by an account of its own rows, and by an admin of everybody's. */
export const RESOURCE_WORKS: { name: string; query: (rows: number) => string; follow?: true }[] = [
  { name: 'list', query: () => '' },
  { name: 'sort=-starts', query: () => '&sort=-starts' },
  { name: 'starts[gte] at 80 %', query: (rows) => `&sort=starts&starts[gte]=${momentAt(rows * 0.8)}` },
  {
    name: 'cursor at 80 %, sort=starts',
    query: (rows) => `&sort=starts&starts[gte]=${momentAt(rows * 0.8)}`,
    follow: true,
  },
  { name: 'court=7', query: () => '&court=7' },
  { name: 'court=7, sort=-starts', query: () => '&court=7&sort=-starts' },
  { name: 'search, rare word', query: () => `&search=${RARE}` },
  { name: 'search, no row', query: () => '&search=qqqqjx' },
  { name: 'search, common word', query: () => '&search=number' },
  { name: 'count=true', query: () => '&count=true' },
]

const momentAt = (minute: number) => new Date(FIRST + minute * 60_000).toISOString()
