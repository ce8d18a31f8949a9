// What the Tab key of the console offers: the names that a dotted path may go on with.

/** @returns the possible endings of the line, and the part of it that they replace */
export function complete(line: string): [hits: string[], typed: string] {
  const typed = /[\w$.]*$/.exec(line)?.[0] ?? ''
  const path = typed.split('.')
  const start = path.pop() ?? ''
  let target: unknown = globalThis
  for (const name of path) target = isObject(target) ? target[name] : undefined
  const hits = namesOf(target).filter((name) => name.startsWith(start))
  return [hits.map((name) => [...path, name].join('.')), typed]
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  (typeof value === 'object' && value !== null) || typeof value === 'function'

/** Its own, and those that it inherits from anything but Object. */
function namesOf(target: unknown): string[] {
  const names = new Set<string>()
  for (let o: unknown = target; isObject(o) && o !== Object.prototype; o = Object.getPrototypeOf(o)) {
    for (const name of Object.getOwnPropertyNames(o)) names.add(name)
  }
  return [...names].filter((name) => /^[a-z$][\w$]*$/i.test(name)).toSorted()
}
