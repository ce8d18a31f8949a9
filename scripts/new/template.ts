// Makes the files of a new slice from the template beside this file: the example under new names, its lines field by field.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Access, wordsOf } from './access.ts'
import { repeat, WORDS } from './entries.ts'
import type { Field } from './fields.ts'
import { formsOf, type Names, parseNames, rename } from './names.ts'
import { asTested, fillRules, inOneRange, inOrderOf, ruleWords, spreadValues } from './rule-lines.ts'
import type { Rule } from './rules.ts'

const ROOT = join(import.meta.dir, '../..')
const EXAMPLE = parseNames('toy-car')
/** Of what the example stands under. */
const PARENT = parseNames('toy-box', 'toy-boxes')
const EXAMPLES = [EXAMPLE, PARENT]

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
 * `// if <words>` ... `// else` ... `// end`: lines for what the words say, all of them. Of the template they are those that it has
 * as it stands; the lines of another choice stand behind `//|`. A word is one of the access's, one about fields, for whose
 * lines there have to be such fields, or a file that has to be there.
 */
const REGION = /^ *\/\/ if (.+)\n((?:(?! *\/\/ if ).*\n)*?)^ *\/\/ end\n/m
const ELSE = /^ *\/\/ else\n/m

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
    const renamed = rename(readTemplate(file), EXAMPLES, [names, access.parent?.names ?? PARENT])
    const words = { ...wordsOf(access), ...ruleWords(rules) }
    const shown =
      file === 'routes.test.ts'
        ? asTested(fields, rules)
        : { fields: file === 'factories.ts' ? inOneRange(fields, rules) : fields, rules }
    const chosen = choose(renamed, shown.fields, words, inOrderOf(rules, shown.fields))
    const resource = { names, access, ...shown }
    const filled = fillRules(chosen, resource)
    const text = file === 'factories.ts' ? spreadValues(filled, resource) : filled
    const whole = ofWhole(withErrors(text, fields, rules, access), names, access)
    return [target, withImports(withFiles(withOthers(whole, fields, access), fields), target, names)]
  })
  return Object.fromEntries(files) as Record<string, string>
}

const readTemplate = (file: string) => readFileSync(join(import.meta.dir, 'template', file), 'utf8')

/** Without the marks, and with the lines for these fields: of regions the innermost first. */
function choose(text: string, fields: Field[], words: Record<string, boolean>, ordered: Field[]): string {
  let left = text
  for (let found = REGION.exec(left); found !== null; found = REGION.exec(left)) {
    const [region, condition = '', lines = ''] = found
    const [chosen = '', other = ''] = lines.split(ELSE)
    const ofFields = WORDS[condition]
    const some = fields.filter((field) => ofFields?.(field, ordered))
    const isMet = ofFields
      ? some.length > 0
      : condition.split(' ').every((word) => words[word] ?? existsSync(join(ROOT, word)))
    const kept = (isMet ? chosen : other).replaceAll(/^( *)\/\/\| ?/gm, '$1')
    left = left.replace(region, () => (isMet && ofFields ? repeat(kept, some, ordered) : kept))
  }
  return repeat(left, fields, ordered)
}

/** A row that needs others is made with them. */
const withOthers = (text: string, fields: Field[], { parent }: Access): string =>
  [parent, ...fields.map(({ refersTo }) => refersTo)]
    .flatMap((each) => (each?.needsOthers ? each.names.type : []))
    .reduce(
      (made, type) =>
        made
          .replaceAll(`create${type}(scope, New${type}.parse(new${type}()))`, `add${type}(scope)`)
          .replaceAll(`import { new${type} }`, `import { add${type}, new${type} }`),
      // Of a factory whose fields all refer to something.
      text.replace(/\(\(n\) => \(\{\s*\}\)\)/, '(() => ({}))'),
    )

/** Whoever sends a row that has files sends files of its own. */
const withFiles = (text: string, fields: Field[]): string =>
  text.replaceAll(
    /\/\* (\.\.\.)?(filesOf\(.*?\)) \*\/ ?/g,
    (_, spread: string | undefined, files: string) => {
      if (!fields.some(({ type }) => type === 'file')) return ''
      return spread ? `...(await ${files}), ` : `await ${files}`
    },
  )

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
function withErrors(text: string, fields: Field[], rules: Rule[], { softDelete }: Access): string {
  const has = (word: Rule['word']) => rules.some((rule) => rule.word === word)
  /** What a body leaves out is compared by the table alone. */
  const isFilled = (rule: Rule) =>
    rule.word === 'check' &&
    fields.some(({ name, fallback }) => fallback !== undefined && [rule.field, rule.other].includes(name))
  const can: Record<string, (isCreation: boolean, isDeletion: boolean) => boolean> = {
    alreadyExists: () => has('unique') || fields.some(({ unique }) => unique),
    // Another resource may come to refer to these rows.
    foreignKeyViolation: (_, isDeletion) =>
      (isDeletion && !softDelete) || fields.some(({ refersTo }) => refersTo),
    exclusionViolation: () => has('exclude'),
    checkViolation: (isCreation) => (isCreation ? rules.some(isFilled) : has('check')),
  }
  const kept = text.replaceAll(
    /((?:status: 201|otherStatuses: \[404\]),\s*)?errors: \[([\w\s,]+)\]/g,
    (_, created: string | undefined, list: string) => {
      const all = namesIn(list)
      const isDeletion = all.length === 1 || created?.includes('404') === true
      const names = all.filter((name) => can[name]?.(created !== undefined, isDeletion) !== false)
      return `${created ?? ''}errors: [${names.join(', ')}]`
    },
  )
  return kept.replaceAll(/, \{\s*errors: \[\],?\s*\}|,\s*errors: \[\]/g, '')
}

const transpiler = new Bun.Transpiler({ loader: 'ts', trimUnusedImports: true })
const IMPORT = /^import \{([^}]*)\} from ('[^']*')\n/gm

/** With paths as they are from its place, those of one path in one, and without what this resource does not use. */
function withImports(text: string, target: string, { path }: Names): string {
  const moved = target.startsWith('test/')
    ? text
        .replaceAll("'../../../test/", "'./")
        .replaceAll("'../../../src/", "'../src/")
        .replaceAll(/'\.\/support\/[\w-]+\/(factories\.ts')/g, "'./$1")
        .replaceAll(/'\.\/support\/([\w-]+\/\w+\.ts')/g, "'../src/$1")
        .replaceAll(/'\.\/(table|queries|routes)\.ts'/g, `'../src/${path}/$1.ts'`)
    : text.replaceAll("'../../../src/", "'../").replaceAll("'./support/", "'../")
  const imports = [...transpiler.transformSync(moved).matchAll(/^import \{([^}]*)\}/gm)]
  const used = new Set(imports.flatMap(([, list = '']) => namesIn(list)))
  const isUsed = (name: string) =>
    name.startsWith('type ') ? moved.split(name.slice(5)).length > 2 : used.has(name)
  const kept = new Map<string, string[]>()
  for (const [, list = '', from = ''] of moved.matchAll(IMPORT))
    kept.set(from, [...new Set([...(kept.get(from) ?? []), ...namesIn(list).filter(isUsed)])])
  return moved.replaceAll(IMPORT, (_, _names: string, from: string) => {
    // The factories do not import themselves.
    const all = target === FACTORIES && from === "'./factories.ts'" ? [] : (kept.get(from) ?? [])
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
  return taken.find((name) => !EXAMPLES.flatMap(formsOf).includes(name))
}
