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
const MAX_LENGTH = 40

/**
 * @param singular one of them: `book`, `book-review`
 * @param plural many of them, where the rules of English make nonsense of it: `people`
 * @throws Error that says why the word cannot be a name
 */
export function parseNames(singular: string, plural = pluralOf(singular)): Names {
  for (const word of [singular, plural]) {
    if (!WORDS.test(word) || word.length > MAX_LENGTH) {
      throw new Error(
        `"${word}" is no name: it takes lowercase letters and digits, words parted by - or _, ` +
          `a letter first, at most ${MAX_LENGTH} characters`,
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
  for (const word of [names.one, names.many, names.table, names.type]) refuseReserved(word)
  return names
}

/** @throws Error if TypeScript or SQL keeps the word for itself */
export function refuseReserved(word: string): void {
  const by = TYPESCRIPT.has(word) ? 'TypeScript' : SQL.has(word) ? 'SQL' : undefined
  if (by !== undefined) throw new Error(`"${word}" is a reserved word of ${by}: choose another word`)
}

/** By the simple rules: category -> categories, box -> boxes, key -> keys. */
export function pluralOf(singular: string): string {
  if (/[^aeiou]y$/.test(singular)) return singular.replace(/y$/, 'ies')
  return /(s|x|z|ch|sh)$/.test(singular) ? `${singular}es` : `${singular}s`
}

const snake = (word: string) => word.replaceAll('-', '_')
const spoken = (word: string) => word.replaceAll(/[-_]/g, ' ')
/** `bookReview`, of `book-review` or `book_review`. */
export const camel = (word: string) =>
  word.replaceAll(/[-_](.)/g, (_, letter: string) => letter.toUpperCase())
/** `BookReview`, of both. */
export const pascal = (word: string) => capital(camel(word))

/** The word with a capital letter first. */
export const capital = (word: string) => word.replace(/^./, (letter) => letter.toUpperCase())

const setOf = (words: string) => new Set(words.trim().split(/\s+/))

const TYPESCRIPT = setOf(`
  arguments async await break case catch class const continue debugger default delete do else enum eval export
  extends false finally for function if implements import in instanceof interface let new null package private
  protected public return static super switch this throw true try type typeof undefined var void while with yield
  constructor prototype`)

/** What Postgres reserves, as `pg_get_keywords()` has it. */
const SQL = setOf(`
  all analyse analyze and any array as asc asymmetric authorization binary both case cast check collate collation
  column concurrently constraint create cross current_catalog current_date current_role current_schema current_time
  current_timestamp current_user default deferrable desc distinct do else end except false fetch for foreign freeze
  from full grant group having ilike in initially inner intersect into is isnull join lateral leading left like limit
  localtime localtimestamp natural not notnull null offset on only or order outer overlaps placing primary references
  returning right select session_user similar some symmetric system_user table tablesample then to trailing true union
  unique user using variadic verbose when where window with`)
