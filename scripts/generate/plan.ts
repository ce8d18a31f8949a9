// Plans the migrations that lead from the newest one to what the tables in src are now.
import { type Answers, expand, type Expansion } from './expand.ts'
import { LEAVES, type Migration, type Notes } from './migration-files.ts'
import { OPENINGS, sort } from './phases.ts'
import { diff, type Snapshot } from './snapshot.ts'
import { type Phase, PHASES } from './steps.ts'

export interface Plan extends Expansion {
  before: Snapshot
  after: Snapshot
  notes: Notes
}

export async function makePlan(
  before: Snapshot,
  after: Snapshot,
  answers: Answers,
  notes: Notes,
): Promise<Plan> {
  const expansion = expand(before, after, answers, notes)
  const steps = sort(await diff(before, expansion.start), before)
  for (const phase of PHASES) {
    const [own, theirs] = [expansion.steps[phase], steps[phase]]
    // Columns are there before they are filled, and filled before their indexes are built.
    steps[phase] = phase === 'concurrently' ? [...own, ...theirs] : [...theirs, ...own]
  }
  return { before, after, notes, ...expansion, steps }
}

/** The migrations have all that the tables have, but what a contraction takes away. */
export const isDone = ({ steps, refusals }: Plan) =>
  refusals.length === 0 && PHASES.every((phase) => steps[phase].length === 0)

/** Each phase that has statements is a migration. */
export function migrationsOf(
  name: string,
  { steps, start, target, before, leaves, notes }: Plan,
): Migration[] {
  const phases = PHASES.filter((phase) => steps[phase].length > 0)
  const after: Record<Phase, Snapshot> = {
    values: { ...before, enums: start.enums },
    expand: start,
    concurrently: start,
    finish: target,
  }
  const fresh = leaves.filter((place) => !notes.left.has(place))
  const left = [
    '-- Older processes need these still; they go by `npm run generate -- --contract`, in a later deploy.',
    `${LEAVES}${fresh.join(', ')}`,
  ]
  return phases.map((phase, i) => ({
    name: phase === 'expand' || phases.length === 1 ? name : `${name}_${phase}`,
    opening: [...OPENINGS[phase], ...(i === 0 && fresh.length > 0 ? left : [])],
    statements: steps[phase],
    snapshot: i === phases.length - 1 ? target : after[phase],
  }))
}

/** One migration; what adds values to an enum stands before it, so that they can be used. */
export function atOnce(name: string, statements: string[], { before, after }: Plan): Migration[] {
  const isValue = (statement: string) => / ADD VALUE /.test(statement)
  const parts: Migration[] = [
    {
      name: `${name}_values`,
      opening: OPENINGS.values,
      statements: statements.filter(isValue),
      snapshot: { ...before, enums: after.enums },
    },
    { name, opening: [], statements: statements.filter((each) => !isValue(each)), snapshot: after },
  ]
  return parts.filter((part) => part.statements.length > 0)
}
