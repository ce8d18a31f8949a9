// Finds what files of this project are for, of which a field names one: `photo:file(image)`.
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { hint } from '../../src/kit/types/nearest.ts'

const FILES = 'src/files/files.ts'
const require = createRequire(import.meta.url)

interface Purpose {
  types: readonly string[]
  isPublic?: true
  isAttached?: true
}

/** None, where `npm run remove -- files` was called. */
export function purposesOf(root: string): Record<string, Purpose> {
  if (!existsSync(join(root, FILES))) return {}
  return (require(join(root, FILES)) as { purposes: Record<string, Purpose> }).purposes
}

/**
 * @param args what stands in the brackets
 * @param asked what names it, for messages: `photo:file(image)`
 * @throws Error if there is no such purpose, or its files stay when nothing refers to them
 */
export function findPurpose(root: string, [name = '', ...rest]: string[], asked: string): Purpose {
  const purposes = purposesOf(root)
  const names = Object.keys(purposes)
  if (names.length === 0)
    throw new Error(`"${asked}": this project has no files: npm run remove -- files took them out`)
  if (name === '' || rest.length > 0)
    throw new Error(`"${asked}" takes what the file is for: file(${names.join('), file(')})`)
  const purpose = Object.hasOwn(purposes, name) ? purposes[name] : undefined
  if (purpose === undefined)
    throw new Error(`"${asked}": ${FILES} has no purpose "${name}"${hint(name, names)}`)
  if (!purpose.isAttached)
    throw new Error(
      `"${asked}": files for "${name}" stay when no row refers to them any more. Say isAttached: true of that purpose in ` +
        `${FILES}, and they go with the last row, or name one that has it: ${names.filter((each) => purposes[each]?.isAttached).join(', ')}`,
    )
  return purpose
}
