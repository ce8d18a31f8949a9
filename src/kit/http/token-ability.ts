// Tells what ability a route takes of a personal access token, from its method and the tags of its middleware.
import { isSafeMethod } from './safe-methods.ts'

/** Until a route asks for a role: tokens are taken, and which ability follows from the method. */
export const BY_METHOD = '*'

/** Where nothing is named. */
export const defaultAbility = (method: string) => (isSafeMethod(method) ? 'read' : 'write')

interface Tag {
  ability?: string | null | undefined
  role?: string | undefined
}

/** After one more middleware of a route: the last one that names an ability, or refuses all tokens by null, has it. */
export function abilityAfter({ ability, method }: Tag & { method: string }, next: Tag): Tag['ability'] {
  if (next.ability !== undefined) return next.ability
  return next.role !== undefined && ability === BY_METHOD ? defaultAbility(method) : ability
}
