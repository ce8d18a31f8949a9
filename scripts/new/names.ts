// The names of a resource, all made from one word, and the words that can be none.

/** How the resource is called in each place. `book-review` is taken as the example. */
export interface Names {
  /** `bookReview`: a variable. */
  one: string
  /** `bookReviews`: the table, the routes. */
  many: string
  /** `BookReview`: its type, and its name in the API list. */
  type: string
  /** `book_review`: begins the names of prepared queries and enums. */
  snake: string
  /** `book_reviews`: the table in Postgres. */
  table: string
  /** `book-reviews`: the folder in src, the test, and the last part of the path. */
  path: string
  /** `book review` and `book reviews`: in sentences. */
  spoken: string
  spokenMany: string
}

const WORDS = /^[a-z][a-z0-9]*([-_][a-z0-9]+)*$/
const FIELD = /^[a-z][a-z0-9]*(_[a-z0-9]+)*$/
export const MAX_LENGTH = 40

/** Of a field, or of a value of an enum. */
export const isFieldName = (name: string): boolean => FIELD.test(name) && name.length <= MAX_LENGTH

/**
 * @param singular one of them: `book`, `book-review`
 * @param plural many of them, where the rules of English make nonsense of it: `people`
 * @throws Error that says why the word cannot be a name
 */
export function parseNames(singular: string, plural = derivedPlural(singular)): Names {
  for (const word of [singular, plural]) {
    if (!WORDS.test(word) || word.length > MAX_LENGTH) {
      throw new Error(
        `"${word}" is no name: it takes lowercase letters and digits, words parted by - or _, ` +
          `a letter first, at most ${MAX_LENGTH} characters, such as book-review`,
      )
    }
  }
  const names: Names = {
    one: camel(singular),
    many: camel(plural),
    type: pascal(singular),
    snake: snake(singular),
    table: snake(plural),
    path: plural.replaceAll('_', '-'),
    spoken: spoken(singular),
    spokenMany: spoken(plural),
  }
  if (names.one === names.many) {
    throw new Error(`"${singular}" is its own plural: say another one by --plural, such as ${singular}-items`)
  }
  // What SQL reserves can be a table: it is quoted. Nor is a field ever a variable.
  const reserved = [names.one, names.many].find((word) => RESERVED.has(word))
  if (reserved !== undefined)
    throw new Error(
      `"${reserved}" is a reserved word of TypeScript: choose another, such as ${singular}-item`,
    )
  return names
}

/** @throws Error for a word that is many already: `courts` would become `courtses`. `bus`, `class` and `axis` are one of them */
function derivedPlural(word: string): string {
  const plural = pluralOf(word)
  if (WORDS.test(word) && /[^sui]s$/.test(word)) {
    throw new Error(
      `"${word}" looks like many of them: name one, ${singularOf(word)}. If it is one, say --plural ${plural}`,
    )
  }
  return plural
}

/** By the simple rules: category -> categories, box -> boxes, key -> keys. */
export function pluralOf(singular: string): string {
  if (/[^aeiou]y$/.test(singular)) return singular.replace(/y$/, 'ies')
  return /(s|x|z|ch|sh)$/.test(singular) ? `${singular}es` : `${singular}s`
}

/** The other way round, as far as that can be told. */
const singularOf = (plural: string) =>
  plural
    .replace(/ies$/, 'y')
    .replace(/(x|ch|sh|ss)es$/, '$1')
    .replace(/([^s])s$/, '$1')

const snake = (word: string) => word.replaceAll('-', '_')
const spoken = (word: string) => word.replaceAll(/[-_]/g, ' ')
/** `bookReview`, of `book-review` or `book_review`. */
export const camel = (word: string) =>
  word.replaceAll(/[-_](.)/g, (_, letter: string) => letter.toUpperCase())
/** `BookReview`, of both. */
const pascal = (word: string) => capital(camel(word))

/** The word with a capital letter first. */
export const capital = (word: string) => word.replace(/^./, (letter) => letter.toUpperCase())

/** Each form in which a resource is named; those that begin another stand behind it. */
export const formsOf = ({
  one,
  many,
  type,
  snake: low,
  table,
  path,
  spoken: words,
  spokenMany,
}: Names): string[] => {
  const article = /^([aeio]|u[mp]|un(?!i))/.test(words) ? 'an' : 'a'
  const sentences = [`${article} ${words}`, capital(spokenMany), spokenMany, words]
  return sentences.concat(capital(many), many, type, one, table, low, low.toUpperCase(), path)
}

/** The text with the names of others in it. @param from those that it has */
export function rename(text: string, from: Names[], to: Names[]): string {
  const [old, now] = [from.flatMap(formsOf), to.flatMap(formsOf)]
  return text.replaceAll(new RegExp(old.join('|'), 'g'), (form) => now[old.indexOf(form)] ?? form)
}

/** What can be no variable in a module of TypeScript. */
const RESERVED = new Set(
  `arguments await break case catch class const continue debugger default delete do else enum eval export extends false
  finally for function if implements import in instanceof interface let new null package private protected public return
  static super switch this throw true try typeof undefined var void while with yield`.split(/\s+/),
)
