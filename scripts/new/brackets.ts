// What stands in the brackets behind a type: the values of an enum, the digits of a decimal, what is referred to.
import { join } from 'node:path'
import type { Field, Reference } from './shape.ts'
import { isFieldName, type Names, parseNames } from './names.ts'
import { findPurpose } from './purposes.ts'
import type { Slice } from './slices.ts'

/** Finds the slice of a resource that a field refers to. @param asked what names it, for messages */
export type Refer = (singular: string, asked: string) => Slice

/** Sets what the brackets say. @throws Error that says what they take */
type Read = (field: Field, refer: Refer) => void

/** Of each type that takes any; `field.args` has what stands there. */
export const BRACKETS: Record<string, Read> = {
  enum(field) {
    const { name, args } = field
    if (args.length < 2)
      throw new Error(
        `The enum "${name}" has fewer than two values, parted by commas: '${name}:enum(draft,published)'`,
      )
    const odd = args.find((value) => !isFieldName(value))
    if (odd !== undefined)
      throw new Error(
        `The enum "${name}" cannot have the value "${odd}": it takes what the name of a field takes, such as on_hold`,
      )
    const twice = args.find((value, i) => args.indexOf(value) < i)
    if (twice !== undefined) throw new Error(`The enum "${name}" has the value "${twice}" twice`)
    field.values = args
  },

  decimal({ name, args }) {
    const [precision = 0, scale = -1] = args.map((arg) => (/^\d{1,3}$/.test(arg) ? Number(arg) : NaN))
    const isSound = args.length === 2 && precision >= 1 && precision <= MAX_DIGITS && scale <= precision
    if (isSound && scale >= 0) return
    throw new Error(
      `The decimal "${name}" takes how many digits it has, at most ${MAX_DIGITS}, and how many of them stand behind the point: ` +
        `'${name}:decimal(10,2)' goes up to 99999999.99`,
    )
  },

  ref(field, refer) {
    const [singular = '', rule, ...rest] = field.args
    const asked = `${field.name}:ref(${field.args.join()})`
    if (singular === '' || rest.length > 0)
      throw new Error(`"${asked}" takes what it refers to: ref(court), ref(court,cascade)`)
    if (['account', 'user'].includes(singular))
      throw new Error(`"${asked}": an account has a type of its own: ${field.name}:account?`)
    const { names, seenBy, goesWithAccount, needsOthers } = refer(singular, asked)
    const usual = field.optional ? 'set null' : goesWithAccount ? 'cascade' : 'restrict'
    const onDelete = rule === undefined ? usual : ruleOf(field, asked, rule)
    if (onDelete === 'restrict' && goesWithAccount)
      throw new Error(
        `"${asked}": ${names.spokenMany} go with the account that they belong to, which can always be deleted: say cascade, or set-null`,
      )
    field.refersTo = { names, needsOthers, seenBy, onDelete }
  },

  account(field) {
    const [rule, ...rest] = field.args
    const asked = `${field.name}:account${field.args.length > 0 ? `(${field.args.join()})` : ''}`
    if (rest.length > 0) throw new Error(`"${asked}" takes one rule: account(cascade), account(set-null)`)
    if (rule === undefined && !field.optional)
      throw new Error(
        `"${asked}" says no rule for when that account is deleted: account(cascade), the row is deleted, too, ` +
          'or account?, the field is emptied',
      )
    const onDelete = rule === undefined ? 'set null' : ruleOf(field, asked, rule)
    if (onDelete === 'restrict')
      throw new Error(`"${asked}": an account can always be deleted: say cascade, or set-null`)
    field.refersTo = { names: ACCOUNT, needsOthers: false, seenBy: 'everybody', onDelete }
  },

  file(field) {
    const asked = `${field.name}:file${field.args.length > 0 ? `(${field.args.join()})` : ''}`
    const { isPublic } = findPurpose(join(import.meta.dir, '../..'), field.args, asked)
    const bytesAt = isPublic ? 'public' : 'content'
    field.refersTo = { names: FILE, needsOthers: false, seenBy: 'everybody', onDelete: 'restrict', bytesAt }
  },
}

const MAX_DIGITS = 38

/** The slice of accounts, as far as a table refers to it. */
const ACCOUNT: Names = { ...parseNames('user'), path: 'account' }
const FILE = parseNames('file')

function ruleOf({ optional }: Field, asked: string, rule: string): Reference['onDelete'] {
  const known = ({ cascade: 'cascade', 'set-null': 'set null', restrict: 'restrict' } as const)[rule]
  if (known === undefined)
    throw new Error(
      `"${asked}": when what it refers to is deleted, the row is deleted, too (cascade), or the field emptied (set-null), or ` +
        `that is refused (restrict); there is no rule "${rule}"`,
    )
  if (known === 'set null' && !optional)
    throw new Error(`"${asked}": only a field that is optional can be emptied: write ? behind the brackets`)
  return known
}
