// Fills the lines of the template that are about rules: one of each for every rule, with its names and columns.
import type { Access } from './access.ts'
import { isOrdered } from './examples.ts'
import type { Field } from './fields.ts'
import type { Names } from './names.ts'
import { type Check, type Exclude, OPERATORS, RANGES, ranksOf, type Rule, type Unique } from './rules.ts'

interface Resource {
  names: Names
  fields: Field[]
  access: Access
  rules: Rule[]
}

/** The name of its constraint. */
export const constraintOf = (rule: Rule, { table }: Names): string => {
  if (rule.word === 'unique') return `${table}_${rule.fields.join('_')}_unique`
  if (rule.word === 'check') return `${table}_${rule.field}_${OPERATORS[rule.by]}_${rule.other}`
  return `${table}_${[...rule.same, rule.from, rule.to].join('_')}_overlap`
}

/** What the regions of the template ask. */
export const ruleWords = (rules: Rule[]): Record<string, boolean> => ({
  ruled: rules.length > 0,
  checked: rules.some(({ word }) => word === 'check'),
  exclusive: rules.some(({ word }) => word === 'exclude'),
})

/** `// each check` ... `// done`: lines for each such rule. They stand behind `//|`, as the example has none. */
const EACH = /^ *\/\/ each (\w+)\n([^]*?)^ *\/\/ done\n/gm

export function fillRules(text: string, resource: Resource): string {
  return text.replaceAll(EACH, (_, word: string, lines: string) => {
    const plain = lines.replaceAll(/^( *)\/\/\| ?/gm, '$1')
    return resource.rules
      .filter((rule) => isMeant(word, rule, resource))
      .map((rule) => {
        const tokens = { ...tokensOf(rule, resource), constraint: constraintOf(rule, resource.names) }
        return plain.replaceAll(/\$(\w+)/g, (token, name: string) => tokens[name as 'constraint'] ?? token)
      })
      .join('')
  })
}

/** `ownunique`: one that another list does not know of, if nothing else keeps two rows of both apart. */
const isMeant = (word: string, rule: Rule, { access, rules }: Resource) =>
  word === rule.word ||
  (word === 'ownunique' &&
    rule.word === 'unique' &&
    isOwn(rule, access) &&
    rules.every((other) => other.word !== 'exclude'))

const isOwn = ({ over }: Unique, { owned, parent }: Access) =>
  over === 'own' && (owned || parent !== undefined)

function tokensOf(rule: Rule, resource: Resource): Record<string, string> {
  if (rule.word === 'unique') return ofUnique(rule, resource)
  return rule.word === 'check' ? ofCheck(rule, resource) : ofExclude(rule, resource)
}

const columnsOf = (names: string[]) => names.map((name) => `t.${name}`).join(', ')
const quoted = (names: string[]) => names.map((name) => `'${name}'`).join(', ')
const listed = (names: string[]) => names.join(', ').replace(/, ([^,]*)$/, ' and $1')
/** Of an object. */
const taken = (names: string[], from: string) => names.map((name) => `${name}: ${from}.${name}`).join(', ')

function ofUnique(rule: Unique, { access, rules }: Resource) {
  const { owned, parent } = access
  const place = isOwn(rule, access)
    ? [...(parent ? [parent.names.snake] : []), ...(owned ? ['creator'] : [])]
    : []
  return {
    columns: columnsOf([...place, ...rule.fields]),
    fields: listed(rule.fields),
    names: quoted(rule.fields),
    // With those that they are compared with, or it would be refused for that.
    same: taken(closureOf(rule.fields, rules), 'first'),
  }
}

/** It is broken by a value of the row before, of the one behind, or of its own. */
function ofCheck({ field, by, other }: Check, { names }: Resource) {
  const isMore = by.startsWith('>')
  const [made, added] = [`new${names.type}()`, 'await add()']
  const [rows, values] =
    by === '!='
      ? ['checked', added]
      : isMore
        ? ['earlier, checked', `${made}, ${added}`]
        : ['checked, later', `${added}, ${made}`]
  return {
    condition: `\${t.${field}} ${by} \${t.${other}}`,
    check: `${field} ${by} ${other}`,
    names: quoted([field, other]),
    rows,
    values,
    wrong: `${field}: ${by === '!=' ? 'checked' : isMore ? 'earlier' : 'later'}.${other}`,
    other: `${other}: checked.${other}`,
  }
}

function ofExclude({ same, from, to }: Exclude, { fields, access: { parent }, rules }: Resource) {
  const type = fields.find(({ name }) => name === from)?.type ?? ''
  const ranks = ranksOf(rules)
  const [start = 0, end = 0] = [ranks.get(from), ranks.get(to)]
  const known = same.filter((name) => name !== 'creator')
  const others = closureOf([from, to], rules).filter((name) => ![from, to, ...known].includes(name))
  const frame = others.map((name) => {
    const rank = ranks.get(name) ?? 0
    return `${name}: ${rank < end && rank <= start ? 'a' : 'e'}.${name}`
  })
  return {
    columns: columnsOf([...(parent ? [parent.names.snake] : []), ...same]),
    range: `${RANGES[type]}(\${t.${from}}, \${t.${to}})`,
    fields: listed([...known, from, to]),
    names: quoted([...known, from, to]),
    from,
    to,
    frame: [...frame, ...known.map((name) => taken([name], 'c'))].map((part) => `${part}, `).join(''),
    same: taken([...new Set([...known, ...closureOf([from, to], rules)])], 'first'),
    another: same.includes('creator') ? 'ann' : 'admin',
  }
}

/** The fields, and all that checks compare them with, directly or not. */
function closureOf(names: string[], rules: Rule[]): string[] {
  const found = new Set(names)
  for (let size = 0; size < found.size;) {
    size = found.size
    for (const rule of rules)
      if (rule.word === 'check' && (found.has(rule.field) || found.has(rule.other)))
        found.add(rule.field).add(rule.other)
  }
  return [...found]
}

/** Steps between the values of two fields, and of two rows. */
const STEP = 3

/** The fields, those of one type in the order that checks demand of their values: see examples.ts. */
export function inOrderOf(rules: Rule[], fields: Field[]): Field[] {
  const ranks = ranksOf(rules)
  return fields.toSorted((a, b) => (ranks.get(a.name) ?? 0) - (ranks.get(b.name) ?? 0))
}

/** As tests take them: what is compared is left out of no body, as a default need not go with the rest, and changes with its like. */
export function asTested(fields: Field[], rules: Rule[]): { fields: Field[]; rules: Rule[] } {
  const ranks = ranksOf(rules)
  const isCompared = ({ name }: Field) => ranks.has(name)
  const uniques = fields.flatMap((field): Unique[] =>
    field.unique && isCompared(field) ? [{ word: 'unique', fields: [field.name], over: field.unique }] : [],
  )
  const tested = fields.map((field) => {
    if (!isCompared(field)) return field
    const optional = field.optional && field.fallback === undefined
    return { ...field, unique: undefined, fallback: undefined, optional }
  })
  return { fields: tested, rules: [...rules, ...uniques] }
}

/** As factories take them: fields that are compared have their values in one range, that which all of them allow. */
export function inOneRange(fields: Field[], rules: Rule[]): Field[] {
  return fields.map((field) => {
    const like = closureOf([field.name], rules)
    if (like.length === 1 || !isOrdered(field)) return field
    const alike = fields.filter(({ name }) => like.includes(name))
    const min = alike.map((each) => each.min).reduce((a, b) => (isLess(a, b) ? b : (a ?? b)))
    const max = alike.map((each) => each.max).reduce((a, b) => (isLess(b, a) ? b : (a ?? b)))
    return isLess(max, min) ? field : { ...field, min, max }
  })
}

/** Of bounds in canonical form. */
const isLess = (a?: string, b?: string) =>
  a !== undefined && b !== undefined && (Number.isNaN(Number(a)) ? a < b : Number(a) < Number(b))

/** Of types without such an order: of the number `n` of a row each field that is compared has a part of its own. */
export function spreadValues(
  factories: string,
  { fields, rules }: Pick<Resource, 'fields' | 'rules'>,
): string {
  const ranks = ranksOf(rules)
  const width = STEP * (Math.max(0, ...ranks.values()) + 1)
  let spread = factories
  for (const [name, rank] of ranks) {
    if (fields.some((field) => field.name === name && isOrdered(field))) continue
    spread = spread.replace(new RegExp(`^ *${name}: .*`, 'm'), (line) =>
      line.replaceAll(/(?<![\w.])n\b(?!:)/g, `(${width} * n + ${STEP * rank})`),
    )
  }
  return spread
}
