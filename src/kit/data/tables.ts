// Loads every table of the service and its declarations: the exports of each `table.ts`, as in drizzle.config.ts.
import { join } from 'node:path'

/**
 * @param src the folder of the sources
 * @returns the exports of the files, by name
 * @throws Error if there is none, as in a bundle, or if two export the same name
 */
export async function loadSchema(src: string): Promise<Record<string, unknown>> {
  const schema: Record<string, unknown> = {}
  const from: Record<string, string> = {}
  for (const file of [...new Bun.Glob('**/table.ts').scanSync(src)].toSorted()) {
    const module = (await import(join(src, file))) as Record<string, unknown>
    for (const [name, value] of Object.entries(module)) {
      if (Object.hasOwn(schema, name))
        throw new Error(`src/${from[name]} and src/${file} both export ${name}: rename one`)
      schema[name] = value
      from[name] = file
    }
  }
  if (Object.keys(schema).length === 0)
    throw new Error(`No table.ts below ${src}: the tables cannot be found`)
  return schema
}
