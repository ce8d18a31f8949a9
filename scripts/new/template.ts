// Makes the files of a new slice from the template beside this file: the example under new names, its lines field by field.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Access, wordsOf } from './access.ts'
import { type Field, TYPES } from './fields.ts'
import { camel, capital, type Names, parseNames } from './names.ts'
import { fillRules, ruleWords, spreadValues } from './rule-lines.ts'
import type { Rule } from './rules.ts'

const ROOT = join(import.meta.dir, '../..')
const EXAMPLE = parseNames('toy-car')
/** Of what the example stands under. */
const PARENT = parseNames('toy-box', 'toy-boxes')

/** The project's factories, to which those of the template are added: see wire.ts. */
export const FACTORIES = 'test/factories.ts'

/** Where each file of the template goes. */
const targetsOf = ({ path }: Names) => ({
  'table.ts': `src/${path}/table.ts`,
  'queries.ts': `src/${path}/queries.ts`,
  'routes.ts': `src/${path}/routes.ts`,
  'routes.test.ts': `test/${path}.test.ts`,
  'factories.ts': FACTORIES,
})

/**
 * The template's fields have the names of their types, `$string`. A line that names one, with the comments above it and what is
 * indented below it, stands for each field of the type; what no type has for itself in a list is made from the list's first.
 */
const FIELD = `\\$(${Object.keys(TYPES).join('|')}|optional)(?![a-zA-Z])`
const ENTRY = `(?:^ *//.*\\n)*^( *)(?=\\S).*${FIELD}.*\\n(?:\\1 .*\\n)*(?:\\1\\).*\\n)?`
/** A list of nothing but names, perhaps behind others. */
const NAMES = new RegExp(`\\[\\s*((?:'[a-z_]+',\\s*)*)(?:'${FIELD}',?\\s*)+\\]`, 'g')

/**
 * `// if <words>` ... `// else` ... `// end`: lines for what the words say, all of them. Of the template they are those that it has
 * as it stands; the lines of another choice stand behind `//|`. A word is one of the access's, one about fields, for whose
 * lines there have to be such fields, or a file that has to be there.
 */
const REGION = /^ *\/\/ if (.+)\n((?:(?! *\/\/ if ).*\n)*?)^ *\/\/ end\n/m
const ELSE = /^ *\/\/ else\n/m
const FIELDS: Record<string, (field: Field) => boolean> = {
  all: ({ unique }) => unique === 'all',
  enum: ({ values }) => values.length > 0,
  indexed: ({ indexed }) => indexed,
  optional: ({ optional }) => optional,
  own: ({ unique }) => unique === 'own',
  required: ({ optional }) => !optional,
  searched: ({ searched }) => searched,
  sorted: ({ sorted }) => sorted,
  unique: ({ unique }) => unique !== undefined,
}

/** The files of a resource by path, not formatted yet. */
export function fillTemplate(
  names: Names,
  given: Field[],
  access: Access,
  rules: Rule[] = [],
): Record<string, string> {
  const isSplit = access.owned || access.parent !== undefined
  // In one list of all rows what is unique is unique in it.
  const fields = given.map((field) =>
    field.unique === 'own' && !isSplit ? { ...field, unique: 'all' as const } : field,
  )
  const files = Object.entries(targetsOf(names)).map(([file, target]) => {
    const renamed = rename(readTemplate(file), names, access.parent?.names)
    const chosen = choose(renamed, fields, { ...wordsOf(access), ...ruleWords(rules) })
    const resource = { names, fields, access, rules }
    const filled = fillRules(chosen, resource)
    const text = file === 'factories.ts' ? spreadValues(filled, resource) : filled
    return [
      target,
      withImports(
        ofWhole(withErrors(text, fields, rules), names, access),
        target,
        names,
        access.parent?.names,
      ),
    ]
  })
  return Object.fromEntries(files) as Record<string, string>
}

const readTemplate = (file: string) => readFileSync(join(import.meta.dir, 'template', file), 'utf8')

/** Each form in which a resource is named; those that begin another stand behind it. */
const formsOf = ({ one, many, type, snake, table, path, spoken, spokenMany }: Names) => {
  const article = /^([aeio]|u[mp]|un(?!i))/.test(spoken) ? 'an' : 'a'
  const sentences = [`${article} ${spoken}`, capital(spokenMany), spokenMany, spoken]
  return sentences.concat(capital(many), many, type, one, table, snake, snake.toUpperCase(), path)
}
const FORMS = [EXAMPLE, PARENT].flatMap(formsOf)

function rename(text: string, names: Names, parent = PARENT): string {
  const forms = [names, parent].flatMap(formsOf)
  return text.replaceAll(new RegExp(FORMS.join('|'), 'g'), (form) => forms[FORMS.indexOf(form)] ?? form)
}

/** Without the marks, and with the lines for these fields: of regions the innermost first. */
function choose(text: string, fields: Field[], words: Record<string, boolean>): string {
  let left = text
  for (let found = REGION.exec(left); found !== null; found = REGION.exec(left)) {
    const [region, condition = '', lines = ''] = found
    const [chosen = '', other = ''] = lines.split(ELSE)
    const ofFields = FIELDS[condition]
    const isMet = ofFields
      ? fields.some(ofFields)
      : condition.split(' ').every((word) => words[word] ?? existsSync(join(ROOT, word)))
    const kept = (isMet ? chosen : other).replaceAll(/^( *)\/\/\| ?/gm, '$1')
    left = left.replace(region, () => (isMet && ofFields ? repeat(kept, fields.filter(ofFields)) : kept))
  }
  return repeat(left, fields)
}

/** Makes of each list of the template's fields one of these fields. */
const repeat = (text: string, fields: Field[]) =>
  text
    .replaceAll(
      NAMES,
      (_, others: string) => `[${others}${fields.map(({ name }) => `'${name}'`).join(', ')}]`,
    )
    .replaceAll(new RegExp(`(?:${ENTRY})+`, 'gm'), (list) => {
      const entries = list.match(new RegExp(ENTRY, 'gm')) ?? []
      const find = (type: string) => entries.find((entry) => new RegExp(FIELD).exec(entry)?.[1] === type)
      const [tail = ''] = /\.null\w+\(\)(?=,\n$)/.exec(find('optional') ?? '') ?? []
      return fields
        .map((field) => {
          let entry = find(field.type) ?? entries[0] ?? ''
          if (field.optional) entry = entry.replace('.notNull()', '').replace(/,\n$/, `${tail},\n`)
          return nameField(entry, field)
        })
        .join('')
    })

/** `$enum` is `genre`, `book_$enum` is `book_genre`, and `book$enum` is `bookGenre`. */
function nameField(entry: string, { name, values }: Field): string {
  const quoted = values.map((value) => `'${value}'`)
  return entry
    .replaceAll(new RegExp(`([a-zA-Z0-9]?)${FIELD}`, 'g'), (_, before: string) =>
      before === '' ? name : before + capital(camel(name)),
    )
    .replaceAll(/'first', 'second'|'(?:first|second)'/g, (found) => {
      if (values.length === 0) return found
      return found.includes(',') ? quoted.join(', ') : (quoted[found === `'first'` ? 0 : 1] ?? found)
    })
}

/** What depends on the whole, and stands within a line. */
function ofWhole(text: string, { type }: Names, { parent, writer, softDelete }: Access): string {
  const placed = parent
    ? text
    : text.replaceAll(`${type}Scope`, 'Scope').replaceAll("scopeIn(c, c.req.valid('param'))", 'scopeOf(c)')
  // Indexes of what is not deleted.
  const live = softDelete
    ? placed
    : placed.replaceAll(/\s*\.where\(isNull\(t\.deleted\)\)/g, '').replaceAll(/\buniqueIndex\b/g, 'unique')
  return live.replaceAll(/(WRITER = |requireRole\()'editor'/g, `$1'${writer}'`)
}

/** Of the errors that the template's routes declare those that routes of these fields and rules can have. */
function withErrors(text: string, fields: Field[], rules: Rule[]): string {
  const has = (word: Rule['word']) => rules.some((rule) => rule.word === word)
  /** What a body leaves out is compared by the table alone. */
  const isFilled = (rule: Rule) =>
    rule.word === 'check' &&
    fields.some(({ name, fallback }) => fallback !== undefined && [rule.field, rule.other].includes(name))
  const can: Record<string, (isCreation: boolean) => boolean> = {
    alreadyExists: () => has('unique') || fields.some(({ unique }) => unique),
    exclusionViolation: () => has('exclude'),
    checkViolation: (isCreation) => (isCreation ? rules.some(isFilled) : has('check')),
  }
  const kept = text.replaceAll(
    /((?:status: 201|otherStatuses: \[404\]),\s*)?errors: \[([\w\s,]+)\]/g,
    (_, created: string | undefined, list: string) => {
      const names = namesIn(list).filter((name) => can[name]?.(created !== undefined) !== false)
      return `${created ?? ''}errors: [${names.join(', ')}]`
    },
  )
  return kept.replaceAll(/, \{\s*errors: \[\],?\s*\}|,\s*errors: \[\]/g, '')
}

const transpiler = new Bun.Transpiler({ loader: 'ts', trimUnusedImports: true })
const IMPORT = /^import \{([^}]*)\} from ('[^']*')\n/gm

/** With paths as they are from its place, those of one path in one, and without what this resource does not use. */
function withImports(text: string, target: string, { path }: Names, parent = PARENT): string {
  const moved = target.startsWith('test/')
    ? text
        .replaceAll("'../../../test/", "'./")
        .replaceAll("'../../../src/", "'../src/")
        .replaceAll(/'\.\/support\/[\w-]+\/(factories\.ts')/g, "'./$1")
        .replaceAll(/'\.\/support\/[\w-]+\/(\w+\.ts')/g, `'../src/${parent.path}/$1`)
        .replaceAll(/'\.\/(table|routes)\.ts'/g, `'../src/${path}/$1.ts'`)
    : text.replaceAll("'../../../src/", "'../").replaceAll(/'\.\/support\/[\w-]+\//g, `'../${parent.path}/`)
  const imports = [...transpiler.transformSync(moved).matchAll(/^import \{([^}]*)\}/gm)]
  const used = new Set(imports.flatMap(([, list = '']) => namesIn(list)))
  const isUsed = (name: string) =>
    name.startsWith('type ') ? moved.split(name.slice(5)).length > 2 : used.has(name)
  const kept = new Map<string, string[]>()
  for (const [, list = '', from = ''] of moved.matchAll(IMPORT))
    kept.set(from, [...(kept.get(from) ?? []), ...namesIn(list).filter(isUsed)])
  return moved.replaceAll(IMPORT, (_, _names: string, from: string) => {
    const all = kept.get(from) ?? []
    kept.delete(from)
    return all.length > 0 ? `import { ${all.join(', ')} } from ${from}\n` : ''
  })
}

const namesIn = (list: string): string[] => list.match(/(?:type )?\w+(?: as \w+)?/g) ?? []

/** A name of the resource that the template has for something else in a file that would have both. */
export function findTakenName(names: Names): string | undefined {
  const taken = Object.keys(targetsOf(names)).flatMap((file) => {
    const code = readTemplate(file)
      .replaceAll(/\/\/.*|\/\*[^]*?\*\/|'[^'\n]*'/g, '')
      .replaceAll(/`[^`]*`/g, (text) => text.match(/\$\{[^}]*/g)?.join(' ') ?? '')
    const words = new Set(code.match(/(?<![.\w$])[A-Za-z]\w*\b(?!\$|\??\s*:)/g))
    const keys = ['one', 'many', 'type'] as const
    return keys.filter((key) => words.has(EXAMPLE[key]) && words.has(names[key])).map((key) => names[key])
  })
  return taken.find((name) => !FORMS.includes(name))
}
