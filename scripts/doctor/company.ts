// Servers in company: what all have in common is said once, what concerns one alone with its name; and who takes over.
import { fail, type Finding, ok, warn } from './finding.ts'

/** @param ofEach the findings of each server, by its address */
export function mergeFindings(ofEach: Record<string, Finding[]>): Finding[] {
  const names = Object.keys(ofEach)
  const merged = new Map<string, { finding: Finding; of: string[] }>()
  for (const [name, findings] of Object.entries(ofEach))
    for (const finding of findings) {
      // Of what is well, a figure differs from server to server: the first stands for all.
      const key = finding.level === 'ok' ? `ok ${finding.check}` : JSON.stringify(finding)
      const entry = merged.get(key) ?? { finding, of: [] }
      entry.of.push(name)
      merged.set(key, entry)
    }
  return [...merged.values()].map(({ finding, of }) => {
    const isCommon = of.length === names.length
    return isCommon ? finding : { ...finding, found: `${of.join(', ')}: ${finding.found}` }
  })
}

export interface Master {
  replicas: number
  /** Of its setting min-replicas-to-write; undefined where it is not told. */
  needed: number | undefined
}

/** @param masters by address */
export function judgeReplicas(masters: Record<string, Master>): Finding {
  const check = 'Redis replicas'
  const all = Object.entries(masters)
  const alone = all.filter(([, { replicas }]) => replicas === 0).map(([name]) => name)
  if (alone.length > 0) {
    return warn(
      check,
      `${alone.join(', ')} without a replica: none takes over`,
      'Give each master a replica or two',
    )
  }
  // After a failover the new master has one fewer.
  const stuck = all.filter(([, { replicas, needed = 0 }]) => needed >= replicas).map(([name]) => name)
  if (stuck.length > 0) {
    const found = `${stuck.join(', ')} with as many as min-replicas-to-write asks for: after a failover none is written to`
    return warn(check, found, 'Give each master one replica more than that')
  }
  const unsafe = all.some(([, { needed }]) => needed === 0)
  return ok(
    check,
    unsafe ? 'one takes over; without min-replicas-to-write what came last may be lost' : 'one takes over',
  )
}

/** @param info what CLUSTER INFO answers @param fullCoverage of its setting, undefined where it is not told */
export function judgeCluster(info: string, fullCoverage: string | undefined): Finding {
  const check = 'Redis Cluster'
  const valueOf = (name: string) => new RegExp(`^${name}:(\\S+)`, 'm').exec(info)?.[1]
  const [state, slots] = [valueOf('cluster_state'), valueOf('cluster_slots_ok')]
  if (state !== 'ok') {
    return fail(
      check,
      `${state}: ${slots} of 16384 slots are served`,
      'redis-cli --cluster check <host>:<port>',
    )
  }
  if (fullCoverage === 'yes') {
    const fix = 'CONFIG SET cluster-require-full-coverage no on each server, and the same in redis.conf'
    return warn(check, 'one master that is lost stops them all until its replica has taken over', fix)
  }
  return ok(check, `${valueOf('cluster_size')} masters serve all slots`)
}

export interface PostgresHost {
  name: string
  state: 'primary' | 'standby' | 'away'
  /** Of a standby, seconds; null if it has replayed nothing yet. */
  behind?: number | null
  /** Of a primary: its setting synchronous_standby_names. */
  synchronous?: string
  /** Why it is away. */
  why?: string
}

const MAX_BEHIND_S = 30

export function judgeHosts(hosts: PostgresHost[]): Finding {
  const check = 'Postgres hosts'
  const named = (state: PostgresHost['state']) => hosts.filter((host) => host.state === state)
  const found = hosts.map(({ name, state, behind, why }) => {
    if (state === 'away') return `${name} does not answer (${why})`
    return `${name} is ${state === 'primary' ? 'the primary' : `a standby${behind ? `, ${behind.toFixed(1)} s behind` : ''}`}`
  })
  const text = found.join('; ')
  const primaries = named('primary')
  if (primaries.length > 1) {
    return fail(check, `${text}: two take writes`, 'Stop the older one, and make it a standby again')
  }
  if (named('away').length > 0) return warn(check, text, 'Bring it back, or take it out of DATABASE_URL')
  if (named('standby').some(({ behind }) => (behind ?? 0) > MAX_BEHIND_S)) {
    return warn(check, text, 'A standby that lags loses what it has not got yet if it is promoted')
  }
  const isSure = primaries[0]?.synchronous !== ''
  return ok(
    check,
    isSure ? text : `${text}; not synchronous: what was committed last may be lost in a failover`,
  )
}
