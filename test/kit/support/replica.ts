// A second database that says of itself what a streaming replica would, so that tests of who answers need no second server.
import postgres from 'postgres'
import { openLink } from './faulty-link.ts'
import { createDatabase, type TestDatabase } from './services.ts'

const FAKE = `
create schema fake;
create table fake.state (standby boolean not null, position pg_lsn not null);
insert into fake.state values (true, 'FFFFFFFF/0');
create function fake.pg_is_in_recovery() returns boolean language sql as 'select standby from fake.state';
create function fake.pg_last_wal_replay_lsn() returns pg_lsn language sql as 'select position from fake.state';
create function conflict() returns text language plpgsql as $$
  begin raise exception 'canceling statement due to conflict with recovery' using errcode = '40001'; end $$;
create function timed_out() returns text language plpgsql as $$
  begin raise exception 'canceling statement due to statement timeout' using errcode = '57014'; end $$;
create function refused() returns text language plpgsql as $$
  begin raise exception 'cannot execute INSERT in a read-only transaction' using errcode = '25006'; end $$;`
const REAL = `
create function conflict() returns text language sql as $$ select current_database()::text $$;
create function timed_out() returns text language sql as $$ select current_database()::text $$;
create function only_here() returns text language sql as $$ select current_database()::text $$;
create table written (id integer);
create function refused() returns text language sql volatile as $$ insert into written values (1) returning 'primary' $$;`

/** Two databases of the kit's tables: `current_database()` tells which of them has answered. The replica is behind a link that fails. */
export async function startReplica() {
  const [primary, replica] = await Promise.all([createDatabase('kit'), createDatabase('kit')])
  const sql = postgres(replica.url, { max: 1, onnotice: () => {} })
  await sql.unsafe(FAKE)
  await run(primary, REAL)
  const link = await openLink(replica.url)
  return {
    names: { primary: nameOf(primary), replica: nameOf(replica) },
    link,
    env: {
      DATABASE_URL: primary.url,
      // Its functions come before those of Postgres.
      DATABASE_REPLICA_URL: `${link.url}?search_path=fake,pg_catalog,public`,
    },
    /** As a standby that replays no further: whatever is committed from now on is lacking. */
    stall: () => sql`update fake.state set position = '0/1'`,
    catchUp: () => sql`update fake.state set position = 'FFFFFFFF/0', standby = true`,
    promote: () => sql`update fake.state set standby = false`,
    async close() {
      await sql.end({ timeout: 1 })
      await link.close()
      await Promise.all([primary.drop(), replica.drop()])
    },
  }
}

async function run({ url }: TestDatabase, statements: string): Promise<void> {
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  await sql.unsafe(statements)
  await sql.end({ timeout: 1 })
}

const nameOf = ({ url }: TestDatabase) => new URL(url).pathname.slice(1)
