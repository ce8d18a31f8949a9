// Taking modules out: what is cut is what belongs to them, and nothing is put at risk.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import { cutCode } from '../../../scripts/remove/code.ts'
import { forgetMigrations } from '../../../scripts/remove/forget-migrations.ts'
import { MODULES } from '../../../scripts/remove/modules.ts'
import { cutPage } from '../../../scripts/remove/page.ts'
import { withShared } from '../../../scripts/remove/remove.ts'
import { newestSnapshot } from '../../../scripts/generate/snapshot.ts'
import { listKnown } from '../../../scripts/git.ts'
import { isKit } from '../../../scripts/kit-folders.ts'
import { readManifest } from '../../../scripts/manifest.ts'
import { type Checkout, copyCheckout } from '../support/checkout.ts'
import { mentionsIn } from '../support/mentions.ts'

const { restbun } = readManifest(join(import.meta.dir, '../../..'))
const isRemoved = (name: string) => restbun?.removed?.includes(name) === true

/** What is neither edited nor cut: the kit, and the code of a slice, but for the one file of a slice that only lists. */
const isLeftAlone = (path: string) =>
  isKit(path) || (/^src\/.+\/.+\.tsx?$/.test(path) && path !== 'src/account/product.ts')

test('the kit and the slices outside of a module do not speak of it', () => {
  const root = join(import.meta.dir, '../../..')
  const files = (listKnown(root) ?? []).filter(isLeftAlone)
  for (const name of Object.keys(MODULES)) {
    const names = withShared([name], [])
    const own = names.flatMap((one) => MODULES[one]?.paths ?? [])
    const others = files.filter((path) => !own.some((one) => path === one || path.startsWith(`${one}/`)))
    expect(mentionsIn(root, others, [name])).toEqual([])
  }
})

const gone = { isGone: (target: string) => target.startsWith('./chat/'), mentions: /\/chat\b/, isTest: false }
const cut = (text: string) => cutCode(text, gone)

describe('of code, what uses a module goes:', () => {
  test.each([
    [
      'its import, and the link of a chain of calls',
      `import { chat } from './chat/routes.ts'
const routed = app
  // One line per slice.
  .route('/', pages)
  .route(
    '/chat',
    chat({ rooms: 7 }),
  )
  .route('/cars', cars)
`,
      `const routed = app
  // One line per slice.
  .route('/', pages)
  .route('/cars', cars)
`,
    ],
    [
      'what it alone used, beside texts that look like the ends of comments',
      `import { chat } from './chat/routes.ts'
import { a, guard } from './guards.ts'

export function start(app: App) {
  for (const path of ['/x/*', '/y/*']) app.use(path, a)
  app.route('/chats', chat(guard))
}

/** The end. */
export const end = 1
`,
      `import { a } from './guards.ts'

export function start(app: App) {
  for (const path of ['/x/*', '/y/*']) app.use(path, a)
}

/** The end. */
export const end = 1
`,
    ],
    [
      'a statement, with what only it used',
      `import { chat } from './chat/routes.ts'
import { doors } from './doors.ts'
import { a, b } from './letters.ts'

/** Used by the chat alone. */
const LIMIT = 7

// Until the end.
export function start(app: App) {
  if (app.chats) app.route('/x', chat(doors, a, LIMIT))

  return b
}
`,
      `import { b } from './letters.ts'


// Until the end.
export function start(app: App) {

  return b
}
`,
    ],
    [
      'an element of a list, in a line and in a line of its own',
      `import { chat, chatSettings, type Chat } from './chat/settings.ts'
export const all = [first, chat, last]
export const settings = define(
  { name },
  {
    own,
    ...chatSettings,
  },
)
const few = { ...chatSettings }
`,
      `export const all = [first, last]
export const settings = define(
  { name },
  {
    own,
  },
)
const few = {  }
`,
    ],
  ])('%s', (_name, before, after) => {
    expect(cut(before)).toBe(after)
  })

  test('a test, whole, with what it alone used', () => {
    const before = `import { join } from 'node:path'
import { x } from '../x.ts'

const folder = join('a')

test('x', () => {
  expect(x).toBe(1)
})

test.each([
  1,
])(
  'talks',
  async () => {
    await get('/chat', folder)
  },
)
`
    expect(cutCode(before, { ...gone, isTest: true })).toBe(`import { x } from '../x.ts'


test('x', () => {
  expect(x).toBe(1)
})

`)
  })

  test('a name of one function is another thing in the next one, and so is a property', () => {
    const before = `import { chat } from './chat/routes.ts'

export async function talk() {
  const room = chat()
  return room.name
}

export async function sweep(room: Room) {
  await room.clean()
  return house.room
}
`
    // What is left of the first one is for the compiler to tell.
    expect(cut(before)).toContain(`export async function sweep(room: Room) {
  await room.clean()
  return house.room
}
`)
  })

  test('of a describe only the tests that use it go', () => {
    const before = `describe('shop', () => {
  it('sells', () => {
    expect(sell()).toBe(1)
  })

  it('talks', async () => {
    await get('/chat')
  })
})
`
    expect(cutCode(before, { ...gone, isTest: true })).toBe(`describe('shop', () => {
  it('sells', () => {
    expect(sell()).toBe(1)
  })

})
`)
  })

  test('a comment behind a line is no use of it', () => {
    const text = 'const SIZE = 3 // as in /chat\nexport const sizes = [SIZE]\n'
    expect(cut(text)).toBe(text)
  })

  test('a resource whose name holds that of the sample is no part of it', () => {
    const line = "    .route('/api/movie-nights', movieNights)"
    expect([MODULES.sample?.mentions.test(line), MODULES.sample?.mentions.test("'/api/movies'")]).toEqual([
      false,
      true,
    ])
  })

  test('code that uses none of it stays as it is', () => {
    const text = `import { unused } from './other.ts'\n// A chat.\nconst idle = 1\n`
    expect(cut(text)).toBe(text)
  })
})

test('of a page: a row, an item, a line of code, a paragraph, and no more', () => {
  const page = `# Page

Read on.

| a | b |
| - | - |
| 1 | /chat |
| 2 | cars |

- One
  of two.
- Two, see /chat
  for more.

\`\`\`
cd /chat
ls
\`\`\`

**Talk**:
by /chat.

End.
`
  expect(cutPage(page, gone.mentions)).toBe(`# Page

Read on.

| a | b |
| - | - |
| 2 | cars |

- One
  of two.

\`\`\`
ls
\`\`\`

End.
`)
})

test('what modules share goes with the last of them, and takes them along', () => {
  const standing = Object.keys(MODULES).filter((name) => MODULES[name]?.standsOn === 'second-factors')
  expect(withShared(['dashboard'], [])).toEqual(['dashboard'])
  expect(withShared(['second-factors'], []).toSorted()).toEqual(['second-factors', ...standing].toSorted())
  expect(withShared(standing, []).toSorted()).toEqual(['second-factors', ...standing].toSorted())
  for (const last of standing) {
    const others = standing.filter((name) => name !== last)
    expect(withShared([last], others)).toEqual([last, 'second-factors'])
    expect(withShared(['second-factors'], others)).toEqual(['second-factors', last])
    if (others.length > 0) expect(withShared([last], [])).toEqual([last])
  }
})

test('before the first deploy the tables of each module go with their migrations, several of one migration too', () => {
  const fresh = copyCheckout()
  try {
    const isThere = (table: string) => Object.hasOwn(newestSnapshot(fresh.root).tables, `public.${table}`)
    for (const { tables = [] } of Object.values(MODULES)) {
      if (!tables.some(isThere)) continue
      expect(forgetMigrations(fresh.root, tables)[0]).toMatch(/^deleted drizzle\/\d+_\w+\.sql$/)
      expect(tables.filter(isThere)).toEqual([])
    }
  } finally {
    fresh.remove()
  }
})

describe('in a checkout', () => {
  let checkout: Checkout
  beforeAll(() => {
    checkout = copyCheckout()
  })
  beforeEach(() => checkout.restore())
  afterAll(() => checkout.remove())

  test('without a name it lists the modules, and why one would keep each', async () => {
    const { code, out } = await checkout.run('remove')
    expect(code).toBe(0)
    for (const [name, { about }] of Object.entries(MODULES)) {
      expect(out.split('\n')).toContainEqual(
        expect.stringMatching(new RegExp(`^${name} .*${about.slice(0, 20)}`)),
      )
    }
  })

  test('an unknown module is refused with those that there are, and so is one that was removed before', async () => {
    const unknown = await checkout.run('remove', ['chat'])
    expect([unknown.code, unknown.err]).toEqual([1, expect.stringContaining('dashboard, job-status')])
    for (const name of Object.keys(MODULES).filter((known) => isRemoved(known))) {
      const again = await checkout.run('remove', [name, '--yes'])
      expect([again.code, again.err]).toEqual([1, expect.stringContaining(`${name} was removed already`)])
    }
    expect(checkout.changes()).toBe('')
  })

  test.skipIf(Object.keys(MODULES).every(isRemoved))(
    'work that is not committed is not put at risk',
    async () => {
      await Bun.write(`${checkout.root}/src/mine.ts`, '// Mine.\n')
      const before = checkout.changes()
      const left = Object.keys(MODULES).filter((name) => !isRemoved(name))
      const { code, err } = await checkout.run('remove', left)
      expect([code, checkout.changes()]).toEqual([1, before])
      expect(err).toContain('src/mine.ts')
      // Nor by a git that shows no new files, or that belongs to a folder around the project.
      checkout.git('config', 'status.showUntrackedFiles', 'no')
      expect((await checkout.run('remove', left)).err).toContain('src/mine.ts')
      checkout.git('config', '--unset', 'status.showUntrackedFiles')
      checkout.git('rm', '--quiet', '--cached', 'package.json')
      expect((await checkout.run('remove', left)).err).toContain('git does not know this project')
      expect(checkout.read('src/mine.ts')).toBe('// Mine.\n')
    },
  )

  test.skipIf(Object.keys(MODULES).every(isRemoved))(
    'all that are left go at once, and nothing of the project mentions them',
    async () => {
      const left = Object.keys(MODULES).filter((name) => !isRemoved(name))
      const { code, said } = await checkout.run('remove', [...left, '--yes'])
      expect({ code, said }).toMatchObject({ code: 0 })
      const files = checkout.git('ls-files', '--cached', '--others', '--exclude-standard').split('\n')
      expect(mentionsIn(checkout.root, files, left)).toEqual([])
    },
  )
})
