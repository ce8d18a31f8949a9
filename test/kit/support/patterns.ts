// Finds the patterns of a schema that would run over a text of any length.
import type { z } from 'zod'

interface Check {
  check?: string
  pattern?: RegExp
  abort?: boolean
}
interface Def extends Check {
  type: string
  checks?: { _zod: { def: Check } }[]
  shape?: Record<string, z.ZodType>
  innerType?: z.ZodType
  element?: z.ZodType
  in?: z.ZodType
  out?: z.ZodType
  options?: z.ZodType[]
  items?: z.ZodType[]
}

/** `email: /…/` for each pattern that is tried before a length has ended the check. */
export function findUnboundedPatterns({ _zod }: z.ZodType, path = ''): string[] {
  const def = _zod.def as Def
  const inner = [def.innerType, def.element, def.in, def.out, ...(def.options ?? []), ...(def.items ?? [])]
  const found = inner.filter((one) => one !== undefined).flatMap((one) => findUnboundedPatterns(one, path))
  for (const [name, field] of Object.entries(def.shape ?? {})) {
    found.push(...findUnboundedPatterns(field, path === '' ? name : `${path}.${name}`))
  }
  if (def.type !== 'string') return found
  // A format such as z.email() is a check of its own, and the first.
  const checks: Check[] = [def, ...(def.checks ?? []).map(({ _zod: { def: check } }) => check)]
  const bound = checks.findIndex(({ check, abort }) => check === 'max_length' && abort === true)
  const early = checks.slice(0, bound < 0 ? undefined : bound)
  for (const { pattern } of early) if (pattern && !isShort(pattern)) found.push(`${path}: ${pattern}`)
  return found
}

/** True if the pattern itself looks at so many characters at most, from the first on. */
function isShort({ source, flags }: RegExp): boolean {
  const bare = source.replaceAll(/\\./g, 'x').replaceAll(/\[[^\]]*\]/g, 'x')
  return /^\^.*\$$/.test(bare) && !flags.includes('m') && !/[*+]|\{\d+,\}/.test(bare)
}
