// Makes the files of a new slice from the template beside this file: the example under new names, its lines field by field.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Field, TYPES } from './fields.ts'
import { camel, capital, type Names, parseNames } from './names.ts'

const ROOT = join(import.meta.dir, '../..')
const EXAMPLE = parseNames('toy-car')

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
const FIELD = `\\$(${Object.keys(TYPES).join('|')}|optional)\\b`
const ENTRY = `(?:^ *//.*\\n)*^( *)(?=\\S).*${FIELD}.*\\n(?:\\1 .*\\n)*`

/** `// if unique` ... `// end`: lines for the fields of which that is true, if there are any. */
const REGION = /^ *\/\/ if (\S+)\n([^]*?)^ *\/\/ end\n/gm
const CONDITIONS: Record<string, (field: Field) => boolean> = {
  enum: ({ values }) => values.length > 0,
  optional: ({ optional }) => optional,
  required: ({ optional }) => !optional,
  searched: ({ searched }) => searched,
  unique: ({ unique }) => unique,
}

/**
 * The files of a resource by path, not formatted yet.
 * @param onDelete what becomes of the rows of an account that is deleted
 */
export function fillTemplate(names: Names, fields: Field[], onDelete: string): Record<string, string> {
  const files = Object.entries(targetsOf(names)).map(([file, target]) => {
    const parts = rename(readTemplate(file), names).split(REGION)
    const text = parts.map((part, i) => {
      if (i % 3 === 1) return ''
      const chosen = i % 3 === 0 ? fields : choose(fields, parts[i - 1] ?? '')
      return chosen.length > 0 ? repeat(part, chosen) : ''
    })
    const ruled = text.join('').replaceAll("onDelete: 'set null'", `onDelete: '${onDelete}'`)
    return [target, withImports(ofWhole(ruled, fields), target, names)]
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
const FORMS = formsOf(EXAMPLE)

function rename(text: string, names: Names): string {
  const forms = formsOf(names)
  return text.replaceAll(new RegExp(FORMS.join('|'), 'g'), (form) => forms[FORMS.indexOf(form)] ?? form)
}

/** @param condition one of CONDITIONS, or a file that has to be there */
function choose(fields: Field[], condition: string): Field[] {
  const isMet = CONDITIONS[condition] ?? (() => existsSync(join(ROOT, condition)))
  return fields.filter((field) => isMet(field))
}

/** Makes of each list of the template's fields one of these fields. */
const repeat = (text: string, fields: Field[]) =>
  text.replaceAll(new RegExp(`(?:${ENTRY})+`, 'gm'), (list) => {
    const entries = list.match(new RegExp(ENTRY, 'gm')) ?? []
    const find = (type: string) => entries.find((entry) => new RegExp(FIELD).exec(entry)?.[1] === type)
    const [tail = ''] = /\.null\w+\(\)(?=,\n$)/.exec(find('optional') ?? '') ?? []
    return fields
      .map((field) => {
        let entry = find(field.type) ?? entries[0] ?? ''
        if (!field.unique) entry = entry.replace('.unique()', '')
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

/** What depends on all fields together, and stands within a line. */
function ofWhole(text: string, fields: Field[]): string {
  const searched = choose(fields, 'searched').map(({ name }) => `the ${name.replaceAll('_', ' ')}`)
  const words = [searched.slice(0, -1).join(', '), searched.at(-1)].filter(Boolean).join(' or ')
  const conflict = /, \{\s*errors: \[alreadyExists\],?\s*\}|, errors: \[alreadyExists\]/g
  return text
    .replaceAll('the searched fields', words)
    .replaceAll(/\bor\(\s*(ilike\([^()]*\)),\s*\)/g, '$1') // of one
    .replaceAll(conflict, (found) => (fields.some(({ unique }) => unique) ? found : ''))
}

const transpiler = new Bun.Transpiler({ loader: 'ts', trimUnusedImports: true })
const IMPORT = /^import \{([^}]*)\} from ('[^']*')\n/gm

/** With paths as they are from its place, and without what this resource does not use. */
function withImports(text: string, target: string, { path }: Names): string {
  const moved = target.startsWith('test/')
    ? text
        .replaceAll("'../../../test/", "'./")
        .replaceAll(/'\.\/(table|routes)\.ts'/g, `'../src/${path}/$1.ts'`)
    : text.replaceAll("'../../../src/", "'../")
  const imports = [...transpiler.transformSync(moved).matchAll(/^import \{([^}]*)\}/gm)]
  const used = new Set(imports.flatMap(([, list = '']) => namesIn(list)))
  return moved.replaceAll(IMPORT, (_, list: string, from: string) => {
    const kept = namesIn(list).filter((name) => name.startsWith('type ') || used.has(name))
    return kept.length > 0 ? `import { ${kept.join(', ')} } from ${from}\n` : ''
  })
}

const namesIn = (list: string): string[] => list.match(/(?:type )?\w+(?: as \w+)?/g) ?? []

/** A name of the resource that the template has for something else in a file that would have both. */
export function findTakenName(names: Names): string | undefined {
  const taken = Object.keys(targetsOf(names)).flatMap((file) => {
    const code = readTemplate(file).replaceAll(/\/\/.*|\/\*[^]*?\*\/|'[^'\n]*'/g, '')
    const words = new Set(code.match(/(?<![.\w$])[A-Za-z]\w*\b(?!\$|\??\s*:)/g))
    const keys = ['one', 'many', 'type'] as const
    return keys.filter((key) => words.has(EXAMPLE[key]) && words.has(names[key])).map((key) => names[key])
  })
  return taken.find((name) => !FORMS.includes(name))
}
