// Checks new passwords by PASSWORD_RULE: their length, whether they are common, and whether others can guess them.
import { withTimeout } from '../data/with-timeout.ts'
import type { KitDeps } from '../deps.ts'
import { defineError } from '../types/api-error.ts'
import { fold, isCommonPassword } from './common-passwords.ts'

export const weakPassword = defineError(400, 'weak_password', 'This password is too easy to guess')

const LENGTH = { min: 8, max: 128 }
/** Shorter words occur by chance: a whole name or email counts from here on, and a part of one. */
const SHORTEST = { whole: 3, part: 4 }
const SEPARATORS = /[^\p{L}\p{N}]+/u
const BREACH_TIMEOUT_MS = 1500

const COMMON =
  'Password is one of the most common ones: choose one that nobody else has, such as four unrelated words'
const GUESSABLE =
  'Password has too little besides your name, your email and the name of this service: add other words'
const BREACHED =
  'Password is known from a data breach elsewhere: choose one that you have never used at another service'

interface PasswordRule<Person> {
  /** What is known of a person, and so makes no password: their names, their email. */
  wordsOf(this: void, person: Person): string[]
  /**
   * Asks whether a password is known from a breach. A password is accepted if this throws or takes longer than 1.5 s. Off
   * by default: it tells another service, if not the password, that somebody has just chosen one.
   */
  isBreached?(this: void, password: string): Promise<boolean>
}

type Deps = Pick<KitDeps, 'config' | 'log'>

/** Makes a product's check of new passwords: the one for signup, reset, change, and commands. */
export function passwordRule<Person>({ wordsOf, isBreached }: PasswordRule<Person>) {
  /** What is wrong with a new password, in words for its owner; empty if nothing is. */
  async function passwordFaults({ config, log }: Deps, password: string, person: Person): Promise<string[]> {
    const faults =
      config.passwordRule === 'seed'
        ? seedFaults(password)
        : await strongFaults(password, [config.name, ...wordsOf(person)])
    if (faults.length > 0 || isBreached === undefined) return faults
    try {
      return (await withTimeout(BREACH_TIMEOUT_MS, 'isBreached', isBreached(password))) ? [BREACHED] : []
    } catch (error) {
      log.warn('a new password was not held against known breaches, and is accepted', { error })
      return []
    }
  }

  /** @throws weakPassword with what is wrong, as issues of its field of the input */
  async function assertPassword(
    deps: Deps,
    password: string,
    person: Person,
    path = 'password',
  ): Promise<void> {
    const faults = await passwordFaults(deps, password, person)
    if (faults.length === 0) return
    const issues = faults.map((message) => ({ path, message }))
    throw weakPassword({ message: `${path}: ${faults[0]}`, issues })
  }

  return { passwordFaults, assertPassword }
}

const seedFaults = (password: string) => [
  ...(password.length < 6 ? ['Password must have 6 characters or more'] : []),
  ...(/\p{Ll}/u.test(password) ? [] : ['Password must have a lowercase letter']),
  ...(/\p{Lu}/u.test(password) ? [] : ['Password must have an uppercase letter']),
  ...(/\d/.test(password) ? [] : ['Password must have a digit']),
]

async function strongFaults(password: string, known: string[]): Promise<string[]> {
  const length = lengthOf(password)
  if (length < LENGTH.min) return [`Password must have ${LENGTH.min} characters or more`]
  if (length > LENGTH.max) return [`Password must have ${LENGTH.max} characters or fewer`]
  if (await isCommonPassword(password)) return [COMMON]
  const rest = wordsIn(known).reduce((left, word) => left.replaceAll(word, ''), fold(password))
  // What is left without what others know must do as a password.
  const isGuessable =
    rest !== fold(password) && (lengthOf(rest) < LENGTH.min || (await isCommonPassword(rest)))
  return isGuessable ? [GUESSABLE] : []
}

/** What a new password must be, in words for whoever is about to choose one. */
export const passwordHint = ({ passwordRule: rule }: KitDeps['config']): string =>
  rule === 'seed'
    ? '6 characters or more, with a lowercase letter, an uppercase letter and a digit.'
    : `${LENGTH.min} characters or more; not a common password, nor one made of your name or email.`

/** In code points: an emoji is one character, not two. */
const lengthOf = (text: string) => Array.from(text).length

/** Each text whole, with and without what separates its parts, and its longer parts; the longest first. */
function wordsIn(texts: string[]): string[] {
  const wholes = texts.flatMap((text) => [text, ...text.split('@')]).map((text) => fold(text).trim())
  const parts = wholes.map((text) => text.split(SEPARATORS))
  const words = [
    ...[...wholes, ...parts.map((each) => each.join(''))].filter((word) => word.length >= SHORTEST.whole),
    ...parts.flat().filter((word) => word.length >= SHORTEST.part),
  ]
  return words.toSorted((a, b) => b.length - a.length)
}
