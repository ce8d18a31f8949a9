// Finds the rights on migrated objects that the app's role needs and lacks.
import type postgres from 'postgres'
import { firstHost } from '../../config/hosts.ts'

/** The rights that a role lacks on one object. Names are quoted as SQL needs them. */
export interface MissingRights {
  kind: 'schema' | 'table' | 'sequence'
  /** `public.users` */
  object: string
  rights: string[]
  /** The role has no right on it at all: probably forgotten, and everything that needs the object fails. */
  unusable: boolean
}

export interface DatabaseRoles {
  /** The role to check; absent: that of the connection. */
  role?: string | undefined
  /** The role that migrates, if known: its objects count, as do those of the owner of the migrations' table. */
  migrator?: string | undefined
}

/** The role that a URL names; undefined if it names none. */
export function roleOf(url: string): string | undefined {
  const first = firstHost(url)
  return (URL.canParse(first) && decodeURIComponent(new URL(first).username)) || undefined
}

/**
 * Checks every object of the roles that migrate. Reads catalogs only, which any role may.
 * @returns empty if all is granted, or nothing is migrated yet
 */
export async function findMissingRights(
  sql: postgres.ISql,
  { role, migrator }: DatabaseRoles = {},
): Promise<MissingRights[]> {
  return sql<MissingRights[]>`
    with own as (
      select c.oid, c.relkind, n.oid as schema_oid, n.nspname, format('%I.%I', n.nspname, c.relname) as object
      from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where c.relkind in ('r', 'p', 'v', 'm', 'S') and not c.relispartition
        and c.relowner in (
          select m.relowner from pg_class m join pg_namespace s on s.oid = m.relnamespace
          where s.nspname = 'drizzle' and m.relname = '__drizzle_migrations'
          union select oid from pg_roles where rolname = ${migrator ?? null}::name)
        and (n.nspname <> 'drizzle' or c.relname = '__drizzle_migrations')
        and n.nspname !~ '^(pg_|information_schema$)'
        -- An identity column's sequence is used with the rights on the table; an extension looks after its own.
        and not exists (select from pg_depend d
          where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype in ('i', 'e'))
    ), asker as (
      select coalesce(${role ?? null}::name, current_user) as name
    ), needs as (
      select distinct 'schema' as kind, format('%I', nspname) as object, 'USAGE' as needed, 1 as nth,
        has_schema_privilege(name, schema_oid, 'USAGE') as held
      from own, asker
      union all
      select case relkind when 'S' then 'sequence' else 'table' end, object, needed, nth::int,
        case relkind when 'S' then has_sequence_privilege(name, oid, needed)
          else has_table_privilege(name, oid, needed) end
      from own, asker, unnest(array['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'USAGE']) with ordinality as r (needed, nth)
      where case
        when relkind = 'S' then needed = 'USAGE'
        when relkind in ('r', 'p') and nspname <> 'drizzle' then needed <> 'USAGE'
        else needed = 'SELECT' end
    )
    select kind, object, array_agg(needed order by nth) filter (where not held) as rights,
      not bool_or(held) as unusable
    from needs group by kind, object having not bool_and(held) order by kind, object`
}

/** Returns the statement with which an owner grants them. @param role its name, unquoted */
export const grantOf = ({ kind, object, rights }: MissingRights, role: string) =>
  `GRANT ${rights.join(', ')} ON ${kind.toUpperCase()} ${object} TO "${role.replaceAll('"', '""')}";`
