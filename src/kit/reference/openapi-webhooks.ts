// Describes what the service sends to others, for the `webhooks` of the OpenAPI document.
import { capitalize, type JsonSchema } from './operations.ts'

/**
 * @param names `book.created`
 * @param schemaOf the body of one
 * @param json puts it in its place
 */
export function describeWebhooks(
  names: string[],
  schemaOf: (name: string) => JsonSchema,
  json: (schema: JsonSchema, name: string) => object,
) {
  const described = names.map((name) => {
    const id = name.split('.').map(capitalize).join('')
    const { description, ...schema } = schemaOf(name)
    const requestBody = { required: true, content: json(schema, `${id}Event`) }
    const responses = { '2XX': { description: 'Received. After any other answer it is sent again.' } }
    const security: [] = [] // a signature in its headers, which OpenAPI has no word for
    const operationId = `on${id}`
    return [name, { post: { operationId, summary: description, security, requestBody, responses } }] as const
  })
  return Object.fromEntries(described)
}
