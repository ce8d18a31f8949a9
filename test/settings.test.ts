// What is made from the declared settings says what they say.
import { expect, test } from 'bun:test'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findSettingsFaults, settingsFiles } from '../scripts/settings/reference.ts'
import { settings } from '../src/config.ts'
import { kitSettings } from '../src/kit/config/kit-settings.ts'

const ROOT = join(import.meta.dir, '..')
const [EXAMPLE, REFERENCE] = Object.keys(settingsFiles(ROOT)) as [string, string]

test('the files of this checkout do', () => {
  expect(findSettingsFaults(ROOT)).toEqual([])
})

test("each setting says what it is for and has a line in the example, each of the kit's in its reference too", () => {
  for (const { variable, about } of Object.values(settings.declared)) {
    expect([variable, about]).toEqual([variable, expect.stringMatching(/\S/)])
    expect(readFileSync(join(ROOT, EXAMPLE), 'utf8')).toMatch(new RegExp(`^# ${variable}=`, 'm'))
  }
  for (const { variable } of Object.values(kitSettings('name'))) {
    expect(readFileSync(join(ROOT, REFERENCE), 'utf8')).toContain(`\`${variable}\``)
  }
})

test.each([
  [EXAMPLE, '# PORT=8100', '# PORT=8101'],
  [REFERENCE, '`8100`', '`8101`'],
])('%s that says something else is told, with the command that mends it', (path, from, to) => {
  const root = mkdtempSync(join(tmpdir(), 'settings-'))
  try {
    for (const file of Object.keys(settingsFiles(ROOT))) {
      mkdirSync(join(root, file, '..'), { recursive: true })
      cpSync(join(ROOT, file), join(root, file))
    }
    writeFileSync(join(root, path), readFileSync(join(root, path), 'utf8').replace(from, to))
    const told = findSettingsFaults(root)
    expect(told).toEqual([expect.stringContaining(`${path} `)])
    expect(told[0]).toContain('npm run settings')
  } finally {
    rmSync(root, { recursive: true })
  }
})
