// The source of a new slice's test: what its clients are promised.
import type { Field } from './fields.ts'
import { capital, type Names } from './names.ts'

/** @param exported what an account has made is part of its export */
export function testSource(names: Names, fields: Field[], { exported }: { exported: boolean }): string {
  const { one, many, path, spoken, spokenMany } = names
  const [first] = fields
  if (first === undefined) throw new Error('a resource has a field')
  const required = fields.filter((field) => !field.optional)
  const optional = fields.filter((field) => field.optional)
  const unique = fields.filter((field) => field.unique)
  const [searched] = fields.filter((field) => field.searchable)
  const constant = `NEW_${names.snake.toUpperCase()}`
  const url = `/api/${path}`
  const fresh = unique.map((field) => `${field.name}: ${field.nth?.replaceAll(/\bn\b/g, 'made')}, `).join('')

  const optionalTest = `
test('what is optional of a ${spoken} may be left out, and be null', async () => {
  const { status, body } = await editor.post('${url}', { ${required.map((f) => `${f.name}: ${f.sample}`).join(', ')} })
  expect([status, ${optional.map((f) => `body.${f.name}`).join(', ')}]).toEqual([201, ${optional.map(() => 'null').join(', ')}])
  const filled = await editor.put(\`${url}/\${body.id}\`, ${constant})
  expect([filled.status, filled.body]).toEqual([200, { ...body, ...${constant}, modified: filled.body.modified }])
  const nulls = { ${optional.map((f) => `${f.name}: null`).join(', ')} }
  const emptied = await editor.put(\`${url}/\${body.id}\`, nulls)
  expect([emptied.status, emptied.body]).toEqual([200, { ...filled.body, ...nulls, modified: emptied.body.modified }])
})
`
  const uniqueTest = `
test.each([${unique.map((f) => `'${f.name}'`).join(', ')}])('two ${spokenMany} cannot have the same %s', async (field) => {
  const ${one} = await add()
  const other = await add()
  const same = { [field]: ${one}[field] }
  for (const refused of [
    await editor.post('${url}', { ...other, ...same }),
    await editor.put(\`${url}/\${other.id}\`, same),
  ]) {
    expect([refused.status, refused.body.issues]).toEqual([409, [{ path: field, message: 'exists already' }]])
  }
  expect((await editor.get(\`${url}/\${other.id}\`)).body).toEqual(other)
})
`
  const searchTest = `
test('a search finds part of the ${searched?.name.replaceAll('_', ' ')}, in any case', async () => {
  await add()
  const ${one} = await add({ ${searched?.name}: '100% Ångström' })
  for (const search of ['ångs', '100%', 'M']) {
    const { body } = await app.visitor().get(\`${url}?search=\${encodeURIComponent(search)}\`)
    expect([search, body.at(-1)]).toEqual([search, ${one}])
  }
  expect((await app.visitor().get('${url}?search=0%25')).body).toEqual([${one}])
})
`
  const exportTest = `
test("an account's export holds the ${spokenMany} that it added, and nobody else's", async () => {
  const own = [await add(), await add()]
  const other = await app.member()
  expect((await other.post('${url}', ${constant})).status).toBe(201)
  const worker = await startTestWorker(app)
  try {
    const { headers } = await editor.post('/api/me/export')
    const { result } = await until('the export', async () => {
      const { body } = await editor.get(headers.get('location') ?? '')
      return body.state === 'done' ? body : undefined
    })
    expect(result.${many}).toEqual(own)
  } finally {
    await worker.stop()
  }
})
`
  return `// ${capital(spokenMany)}, as their clients use them.
import { afterAll, beforeAll, beforeEach, expect, test } from 'bun:test'
import { ${many} } from '../src/${path}/table.ts'
import { startApp, type TestApp } from './support/harness.ts'
${exported ? `import { until } from './kit/support/until.ts'\nimport { startTestWorker } from './support/worker.ts'\n` : ''}
let app: TestApp
let editor: Awaited<ReturnType<TestApp['member']>>
beforeAll(async () => {
  app = await startApp()
  editor = await app.member()
})
afterAll(() => app.close())
beforeEach(async () => {
  await app.deps.db.delete(${many})
})

const ${constant} = { ${fields.map((f) => `${f.name}: ${f.sample}`).join(', ')} }
${
  unique.length === 0
    ? `const add = async (input = {}) => (await editor.post('${url}', { ...${constant}, ...input })).body`
    : `let made = 0
const add = async (input = {}) => {
  made++
  return (await editor.post('${url}', { ...${constant}, ${fresh}...input })).body
}`
}

test('a ${spoken} is created, belongs to its creator, and can be read by anyone', async () => {
  const { status, body } = await editor.post('${url}', ${constant})
  expect(status).toBe(201)
  expect(body).toEqual({
    id: expect.stringMatching(/^\\d+$/),
    ...${constant},
    creator: editor.user.id,
    created: expect.stringMatching(/Z$/),
    modified: expect.stringMatching(/Z$/),
  })
  expect((await app.visitor().get(\`${url}/\${body.id}\`)).body).toEqual(body)
})
${optional.length > 0 ? optionalTest : ''}
test('a partial body changes only what it names', async () => {
  const ${one} = await add()
  const change = { ${first.name}: ${first.other} }
  const { status, body } = await editor.put(\`${url}/\${${one}.id}\`, change)
  expect([status, body]).toEqual([200, { ...${one}, ...change, modified: body.modified }])
})

test('a body that names nothing changes nothing', async () => {
  const ${one} = await add()
  const reply = await editor.put(\`${url}/\${${one}.id}\`, { unknown: 1 })
  expect([reply.status, reply.body]).toEqual([200, ${one}])
})

test.each([
  ${fields
    .flatMap((f) => [`[{ ${f.name}: ${f.wrong} }],`, ...(f.optional ? [] : [`[{ ${f.name}: null }],`])])
    .join('\n  ')}
])('bad input is refused: %p', async (input) => {
  const ${one} = await add()
  for (const reply of [
    await editor.post('${url}', { ...${constant}, ...input }),
    await editor.put(\`${url}/\${${one}.id}\`, input),
  ]) {
    expect([reply.status, reply.body.issues[0].path]).toEqual([400, Object.keys(input)[0]])
  }
  expect((await editor.get('${url}')).body).toEqual([${one}])
})
${unique.length > 0 ? uniqueTest : ''}
test('the list is in order of id, by pages that count from 1', async () => {
  const all = [await add(), await add(), await add()]
  expect((await app.visitor().get('${url}')).body).toEqual(all)
  const first = await app.visitor().get('${url}?limit=2')
  expect(first.body).toEqual(all.slice(0, 2))
  const [, next, cursor] = /^<(.*&cursor=(.*))>; rel="next"$/.exec(first.headers.get('link') ?? '') ?? []
  for (const query of ['?page=2&limit=2', next, \`?cursor=\${cursor}\`]) {
    expect([query, (await app.visitor().get(\`${url}\${query}\`)).body]).toEqual([query, all.slice(2)])
  }
  for (const query of ['limit=0', 'limit=201', 'page=2001', 'cursor=none']) {
    expect([query, (await app.visitor().get(\`${url}?\${query}\`)).status]).toEqual([query, 400])
  }
})
${searched ? searchTest : ''}
test('the list can be narrowed to a creator', async () => {
  const ${one} = await add()
  expect((await app.visitor().get(\`${url}?creator=\${editor.user.id}\`)).body).toEqual([${one}])
  expect((await app.visitor().get(\`${url}?creator=\${crypto.randomUUID()}\`)).body).toEqual([])
})

${exported ? exportTest : ''}
test('a deletion returns the ${spoken} that was, and then it is not found', async () => {
  const ${one} = await add()
  const reply = await editor.delete(\`${url}/\${${one}.id}\`)
  expect([reply.status, reply.body]).toEqual([200, ${one}])
  for (const id of [${one}.id, 'none', '0']) {
    expect((await editor.get(\`${url}/\${id}\`)).status).toBe(404)
    expect((await editor.put(\`${url}/\${id}\`, ${constant})).status).toBe(404)
    expect((await editor.delete(\`${url}/\${id}\`)).status).toBe(404)
  }
})

test('writing takes an editor, reading takes nobody', async () => {
  const ${one} = await add()
  for (const client of [app.visitor(), await app.member('readonly')]) {
    expect((await client.get(\`${url}/\${${one}.id}\`)).status).toBe(200)
    expect((await client.post('${url}', ${constant})).status).toBe(401)
    expect((await client.put(\`${url}/\${${one}.id}\`, ${constant})).status).toBe(401)
    expect((await client.delete(\`${url}/\${${one}.id}\`)).status).toBe(401)
  }
  expect((await editor.get('${url}')).body).toEqual([${one}])
})
`
}
