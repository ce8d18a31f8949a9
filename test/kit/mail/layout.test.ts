// Mails: one content for those who see HTML and those who see text, and nothing in it that a stranger could plant.
import { expect, test } from 'bun:test'
import { mailOf } from '../../../src/kit/mail/layout.ts'
import { plainName } from '../../../src/kit/mail/plain-name.ts'

const URL_OF = 'https://app.example.com/reset#token=a&b'
const mail = await mailOf({
  to: 'ann@example.com',
  subject: 'Subject <1>',
  service: 'Shop & Co',
  title: 'Title "2"',
  paragraphs: ['First <b>3</b>', 'Second'],
  action: { label: 'Act <now>', url: URL_OF },
  notes: ['Note <4>'],
})

test('the text part says all that the HTML says', () => {
  expect(mail.text).toBe(
    `Title "2"\n\nFirst <b>3</b>\n\nSecond\n\nAct <now>:\n${URL_OF}\n\nNote <4>\n\n-- \nShop & Co\n`,
  )
  expect([mail.to, mail.subject]).toEqual(['ann@example.com', 'Subject <1>'])
})

test('every value is escaped in the HTML', () => {
  for (const part of [
    'Title &quot;2&quot;',
    'First &lt;b&gt;3&lt;/b&gt;',
    'Act &lt;now&gt;',
    'Note &lt;4&gt;',
    'Shop &amp; Co',
  ])
    expect(mail.html).toContain(part)
  expect(mail.html.match(/href="https:\/\/app\.example\.com\/reset#token=a&amp;b"/g)).toHaveLength(2)
  expect(mail.html).not.toMatch(/<b>|<now>|<4>/)
})

test('the HTML loads nothing, runs nothing, and knows light and dark', () => {
  expect(mail.html).not.toMatch(/<(img|link|script|iframe|form)|@import|url\(|src=/i)
  expect(mail.html).toContain('<meta name="color-scheme" content="light dark"')
  expect(mail.html).toContain('@media (prefers-color-scheme: dark)')
  expect(mail.html.length).toBeLessThan(8000) // beyond 100 KB mail clients cut
})

test('a mail without a button has none', async () => {
  const plain = await mailOf({ to: 'a@b.test', subject: 's', service: 'x', title: 't', paragraphs: ['p'] })
  expect([plain.text, plain.html.includes('<a ')]).toEqual(['t\n\np\n\n-- \nx\n', false])
})

test.each([
  ['Ann', 'Ann'],
  ["Zoë O'Neil-李", "Zoë O'Neil-李"],
  ['J.R.R. Tolkien', 'J. R. R. Tolkien'],
  ['  Ann \t\n Lee  ', 'Ann Lee'],
  ['Ann\r\nBcc: eve@evil.test', 'Ann Bcc:'],
  ['Ann\u202eeeL\u202c\u200b', 'AnneeL'],
  ['Win at https://evil.test/x now', 'Win at now'],
  ['Win at WWW.evil.test now', 'Win at now'],
  ['Win at evil.test', 'Win at evil. test'],
  ['Win at evil．test', 'Win at evil. test'],
  ['Win at evil。test', 'Win at evil。 test'],
  ['Write to eve@evil.test', 'Write to'],
  ['mailto:eve', ''],
  ['javascript:alert(1)', ''],
  ['//evil.test', ''],
  ['', ''],
  ['x'.repeat(61), `${'x'.repeat(59)}…`],
  ['😀'.repeat(61), `${'😀'.repeat(59)}…`],
  ['<b>Ann</b>', '<b>Ann</b>'],
])('the name %j stands in a mail as %j', (typed, shown) => expect(plainName(typed)).toBe(shown))
