// A secret that is asked for on a terminal: it is read as it was meant, and never shown.
import { expect, test } from 'bun:test'
import { join } from 'node:path'
import { until } from '../support/until.ts'

const ROOT = join(import.meta.dir, '../../..')
const ASK = `
  import { readHidden } from './scripts/prompt.ts'
  const answers = [await readHidden('First: '), await readHidden('Second: ')]
  console.log(['lengths', ...answers.map((answer) => answer.length), answers[0] === answers[1]].join(' '))`

/** Types on a terminal, each part when its question stands there. */
async function typeAnswers(...answers: string[]) {
  let shown = ''
  const child = Bun.spawn([process.execPath, '-e', ASK], {
    cwd: ROOT,
    terminal: { data: (_terminal, bytes) => void (shown += new TextDecoder().decode(bytes)) },
  })
  for (const [i, answer] of answers.entries()) {
    await until('the question', () => shown.includes(['First: ', 'Second: '][i] ?? ''))
    child.terminal?.write(answer)
  }
  const code = await child.exited
  if (code === 0) await until('what it printed', () => shown.includes('lengths'))
  child.terminal?.close()
  return { code, shown }
}

test('what is typed is read, corrections included, and not shown', async () => {
  const { code, shown } = await typeAnswers('secret\r', 'wrong\x15secrex\x7ft\r')
  expect([code, shown]).toEqual([0, expect.stringContaining('lengths 6 6 true')])
  expect(shown).not.toContain('secr')
})

test('Ctrl-C ends the command', async () => {
  const { code, shown } = await typeAnswers('secret\r', 'sec\x03')
  expect([code, shown]).toEqual([130, expect.not.stringContaining('sec')])
})
