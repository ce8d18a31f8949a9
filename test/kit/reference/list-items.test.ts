// A list of the typed client as an async iterator: each row once, page by page, and an error is thrown.
import { expect, test } from 'bun:test'
import { itemsOf, ListFailure } from '../../../src/kit/reference/list-items.ts'

/** Answers these in turn, and keeps what it was asked for. */
function server(...answers: Response[]) {
  const asked: object[] = []
  const call = async (input: object) => {
    asked.push(input)
    const answer = answers.shift()
    if (answer === undefined) throw new Error('it was asked for more than there is')
    return answer as Response & { json(): Promise<number[]> }
  }
  return { call, asked }
}

const page = (rows: number[], link?: string) =>
  Response.json(rows, link === undefined ? undefined : { headers: { Link: link } })

async function all<T>(items: AsyncIterable<T>) {
  const seen: T[] = []
  for await (const item of items) seen.push(item)
  return seen
}

test('it follows the link to the next page until there is none, with what else the call has', async () => {
  const { call, asked } = server(
    page([1, 2], '<?size=2&tag=a&tag=b&page=2&cursor=x%2By>; rel="next"'),
    page([3], '<?size=2&page=1>; rel="prev", <https://api.test/things?size=2&cursor=z>; rel="next"'),
    page([], '<?size=2>; rel="first"'),
  )
  const param = { club: '7' }
  expect(await all(itemsOf(call, { param, query: { size: '2', tag: ['a', 'b'] } }))).toEqual([1, 2, 3])
  expect(asked).toEqual([
    { param, query: { size: '2', tag: ['a', 'b'] } },
    { param, query: { size: '2', tag: ['a', 'b'], page: '2', cursor: 'x+y' } },
    { param, query: { size: '2', cursor: 'z' } },
  ])
})

test('who breaks off asks for no further page', async () => {
  const { call, asked } = server(page([1, 2], '<?cursor=x>; rel="next"'))
  for await (const item of itemsOf(call, {})) if (item === 2) break
  expect(asked).toEqual([{}])
})

test('an answer that is no success is thrown, after the rows that came before it', async () => {
  const refused = Response.json({ code: 'login_required' }, { status: 401 })
  const { call } = server(page([1], '<?cursor=x>; rel="next"'), refused)
  const seen: number[] = []
  const walk = async () => {
    for await (const item of itemsOf(call, {})) seen.push(item)
  }
  const failure = await walk().catch((error: unknown) => error)
  expect(failure).toBeInstanceOf(ListFailure)
  expect([seen, String(failure), (failure as ListFailure).response]).toEqual([
    [1],
    'ListFailure: The list answered 401',
    refused,
  ])
})
