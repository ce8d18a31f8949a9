// Refuses a body that refers to a row which is not there for whoever sends it.
import type { Issue } from '../types/api-error.ts'
import { foreignKeyViolation } from './sql-refusals.ts'

type Find<Id> = (id: NonNullable<Id>) => Promise<object | undefined>

/**
 * Whether a row is missing or another's is not told: both are refused alike. A row that is deleted at this moment is refused by
 * its foreign key.
 * @param find by field: reads the row of an id as the sender sees it
 * @throws foreignKeyViolation with an issue for each field that refers to nothing
 */
export async function assertReferences<Input extends object>(
  input: Input,
  find: { readonly [Name in keyof Input]?: Find<Input[Name]> },
): Promise<void> {
  const issues: Issue[] = []
  for (const path of Object.keys(find) as (keyof Input & string)[]) {
    const id = input[path]
    if (id === undefined || id === null || (await find[path]?.(id)) !== undefined) continue
    issues.push({ path, message: 'refers to nothing that there is' })
  }
  const [first] = issues
  if (first) throw foreignKeyViolation({ message: `${first.path}: ${first.message}`, issues })
}
