// What is made from the declared settings: `.env.example`, the reference of the kit's own, and that of each module.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { z } from 'zod'
import { settings } from '../../src/config.ts'
import { kitSettings } from '../../src/kit/config/kit-settings.ts'
import type { Setting } from '../../src/kit/config/setting.ts'
import { MODULES } from '../remove/modules.ts'

const ROOT = join(import.meta.dir, '../..')
const REFERENCE = 'src/kit/config/README.md'
const EXAMPLE = '.env.example'
/** In the kit's page the project has no name: it is the same file in each fork. */
const NAME = 'the-name'
const WIDTH = 100

type Settings = Record<string, Setting>

/** By the page that shows them. A module's stand in its own `settings.ts`. */
const PAGES: Record<string, Settings> = { [REFERENCE]: kitSettings(NAME), ...(await settingsOfModules()) }

async function settingsOfModules(): Promise<Record<string, Settings>> {
  const folders = Object.keys(MODULES).map((name) => `src/kit/${name}`)
  const declaring = folders.filter((folder) => existsSync(join(ROOT, folder, 'settings.ts')))
  const pages = declaring.map(async (folder) => {
    const exported = (await import(join(ROOT, folder, 'settings.ts'))) as Record<string, Settings>
    return [`${folder}/README.md`, Object.assign({}, ...Object.values(exported)) as Settings] as const
  })
  return Object.fromEntries(await Promise.all(pages))
}

/** The files as they should be, by path. @param root the checkout */
export function settingsFiles(root: string): Record<string, string> {
  const pages = Object.entries(PAGES).map(([path, shown]) => {
    const page = readFileSync(join(root, path), 'utf8')
    const start = page.indexOf('| variable')
    if (start < 0) throw new Error(`${path} has no table that begins with "| variable"`)
    return [path, `${page.slice(0, start)}${table(shown)}`] as const
  })
  return { [EXAMPLE]: example(), ...Object.fromEntries(pages) }
}

/** @returns what differs from the declarations, and how to mend it; empty if nothing does */
export function findSettingsFaults(root: string): string[] {
  return Object.entries(settingsFiles(root)).flatMap(([path, wanted]) =>
    withoutPadding(readFileSync(join(root, path), 'utf8')) === withoutPadding(wanted)
      ? []
      : `${path} says something else than the settings that are declared: npm run settings`,
  )
}

/** The formatter pads tables. */
const withoutPadding = (text: string) => text.replaceAll(/ +/g, ' ').replaceAll(/-{2,}/g, '--').trimEnd()

/** With those of each name behind their list. */
const all = (shown: Settings) =>
  Object.values(shown).flatMap((one) => [one, ...Object.values(one.each ?? {})])

function table(shown: Settings): string {
  const rows = all(shown).map((each) => {
    const value = defaultOf(each.kind)
    const unset = each.unset ?? (value === '' ? 'none' : `\`${value}\``)
    return `| \`${each.variable}\` | ${unset} | ${each.about} |`
  })
  return `| variable | default | what it is for |\n| --- | --- | --- |\n${rows.join('\n')}\n`
}

function example(): string {
  const lines = all(settings.declared).map(
    ({ variable, kind, about, example: shown = defaultOf(kind) }) =>
      `${wrapped(about.replaceAll('`', ''))}\n# ${variable}=${shown}\n`,
  )
  return `# Copy to .env and change what you need. Every line is optional in development.
# A $ begins the name of another variable, in quotes too: write \\$ for a dollar.
# Each may stand in a file, whose path is given by the same name and _FILE: SMTP_URL_FILE=/run/secrets/smtp-url

${lines.join('\n')}`
}

/** As comments of a readable width. */
const wrapped = (text: string) =>
  text
    .replaceAll(new RegExp(`(?=.{${WIDTH}})(.{1,${WIDTH}}) `, 'g'), '$1\n')
    .split('\n')
    .map((line) => `## ${line}`)
    .join('\n')

/** A kind's default, as one would write it; empty if there is none. */
function defaultOf(kind: z.ZodType): string {
  const { defaultValue: value, innerType } = kind.def as { defaultValue?: unknown; innerType?: z.ZodType }
  if (value === undefined) return ''
  if (typeof value === 'boolean') return value ? 'on' : 'off'
  if (Array.isArray(value)) return value.join()
  if (typeof value !== 'number') return typeof value === 'string' ? value : JSON.stringify(value)
  if (innerType?.meta()?.unit !== 'bytes') return String(value)
  return value % 1024 ** 2 === 0 ? `${value / 1024 ** 2}mb` : `${value / 1024}kb`
}
