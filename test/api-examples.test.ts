// The examples of the API list: whoever sends one as it stands is not refused for its form.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { describeRoutes } from '../src/kit/http/doc.ts'
import { callOf } from '../src/kit/reference/api-list-calls.ts'
import { isPage } from '../src/kit/reference/api-list-endpoint.tsx'
import { exampleOf } from '../src/kit/reference/openapi-examples.ts'
import { COMPONENTS, describeApi, named } from '../src/kit/reference/operations.ts'
import { startApp, type TestApp } from './support/harness.ts'

let app: TestApp
beforeAll(async () => {
  app = await startApp()
})
afterAll(() => app.close())

/** Where one fails, give its field `.meta({ examples: ['A-1'] })`, or the whole body. */
test('every endpoint has an example of its call that its own validation accepts, and of its answer', async () => {
  const api = describeApi(describeRoutes(app.app))
  const find = (ref: string) => api.components[ref.replace(COMPONENTS, '')] ?? {}
  const refused = []
  for (const route of api.operations.filter((one) => !isPage(one))) {
    const { params, query, body } = callOf(route, api)
    const asked = Object.fromEntries(Object.entries(query).filter(([, value]) => value !== ''))
    const sent = {
      param: params,
      query: asked,
      json: body,
      file: { file: '', ...(body as object) },
      form: body,
    }
    const name = `${route.method} ${route.path}`
    for (const { target, schema } of route.inputs) {
      const { error } = await schema.safeParseAsync(sent[target])
      // What no schema says: names of a path that are known where it runs, such as providers of a login, and what a table compares.
      const issues = (error?.issues ?? []).filter(
        (issue) => issue.code !== 'custom' || (target !== 'param' && issue.params?.check === undefined),
      )
      if (issues.length > 0) refused.push([name, target, sent[target], issues])
    }
    const response = route.doc?.response
    if (typeof response !== 'object' || response === null) continue
    const { error } = await response.safeParseAsync(
      exampleOf(api.response(named(route.id, 'response')), find),
    )
    if (error) refused.push([name, 'answer', error.issues])
  }
  expect(refused).toEqual([])
})
