// Walks a list of the API to its end, page by page, as an async iterator.
//
//   for await (const user of itemsOf(api.users.$get, { query: { search: 'lee' } })) show(user)
//
// `npm run client` puts this file into the package. It needs web standards alone.

/** What a list answers: an array, and the next page in its `Link` header. */
interface Page<Item> {
  ok: boolean
  status: number
  headers: Headers
  json(): Promise<readonly Item[]>
}

/** A list answered with an error: `errorOf(failure.response)` of the package says which. */
export class ListFailure<Answer extends { status: number } = Response> extends Error {
  override name = 'ListFailure'
  constructor(readonly response: Answer) {
    super(`The list answered ${response.status}`)
  }
}

/**
 * Asks for a page once the one before has been read: `break` asks for no more. Rows that are added or deleted meanwhile shift
 * none, as pages follow a cursor. `limit` or `size` of the query are the rows of a page, not of all.
 * @param call of the client: `api.users.$get`
 * @param input of each call: its query is kept, and goes on where the page before ended
 * @throws ListFailure for an answer that is no success, and what `call` throws
 */
export async function* itemsOf<Input, Item>(
  call: (input: Input) => Promise<Page<Item>>,
  input: Input,
): AsyncGenerator<Item, void, undefined> {
  for (let next: Input | undefined = input; next !== undefined;) {
    const page: Page<Item> = await call(next)
    if (!page.ok) throw new ListFailure(page)
    yield* await page.json()
    next = nextOf(page.headers, next)
  }
}

/** The same call for the next page, by what the header changes in the query. Undefined after the last. */
function nextOf<Input>(headers: Headers, input: Input): Input | undefined {
  const query = /<[^>?]*\?([^>]*)>; rel="?next"?/.exec(headers.get('Link') ?? '')?.[1]
  if (query === undefined) return undefined
  const params = new URLSearchParams(query)
  const values = [...new Set(params.keys())].map((name) => {
    const all = params.getAll(name)
    return [name, all.length > 1 ? all : all[0]]
  })
  return { ...input, query: Object.fromEntries(values) }
}
