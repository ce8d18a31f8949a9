// Renders an endpoint of the API list: what it takes and answers, and beside that a call and its answer as examples.
/** @jsxImportSource hono/jsx */
import type { KitConfig } from '../config/kit-config.ts'
import type { ApiRoute } from '../http/doc.ts'
import { callOf, clientOf, curlOf } from './api-list-calls.ts'
import { OwnErrors } from './api-list-errors.tsx'
import {
  anchorOf,
  Caller,
  Fact,
  Header,
  Method,
  Path,
  quotaText,
  Sentence,
  Shape,
  Type,
} from './api-list-parts.tsx'
import { LABELS } from './api-list-words.ts'
import { exampleOf } from './openapi-examples.ts'
import { fieldsOf, named, type Api, type JsonSchema, type Operation } from './operations.ts'

export interface EndpointProps {
  route: Operation
  api: Api
  config: KitConfig
}

const STREAM = 'text/event-stream'

/** What people open in a browser, and the forms on it. */
export const isPage = ({ doc }: ApiRoute) => doc?.response === 'text/html' || doc?.status === 303

/** One line, which unfolds. The anchor is within, so that a link to it unfolds it without a script. */
export function Endpoint({ route, api, config }: EndpointProps) {
  const { id, method, path, doc, inputs, requestHeaders = [], limit } = route
  const anchor = anchorOf(route)
  return (
    <article>
      <details>
        <summary>
          <h3>
            <Method name={method} />
            <Path path={path} />
          </h3>
          <span class="about">{doc && <Sentence text={doc.summary} />}</span>
          <Caller route={route} />
        </summary>
        <div class="body" id={anchor}>
          <div>
            <p class="links">
              <a href={`#${anchor}`}>Link to this</a>
              {method === 'GET' && !path.includes(':') && <a href={path}>Open {path}</a>}
            </p>
            <dl class="facts">
              {inputs.map(({ target }) => (
                <Fact name={LABELS[target]}>
                  <Shape fields={api.fields(named(id, target))} schema={api.request(named(id, target))} />
                </Fact>
              ))}
              {requestHeaders.map((header) => (
                <Header fact="Send" {...header} />
              ))}
              {doc && (
                <Fact name="Returns">
                  {doc.status}{' '}
                  {typeof doc.response === 'object' && doc.response ? (
                    <Answered schema={api.response(named(id, 'response'))} />
                  ) : (
                    <code>{doc.response ?? 'no body'}</code>
                  )}
                </Fact>
              )}
              {Object.entries(doc?.headers ?? {}).map(([name, about]) => (
                <Header fact="Header" name={name} about={about} />
              ))}
              {limit && config.rateLimit.on && (
                <Fact name="Limit">{limit.quotas(config).map(quotaText).join('; ')}</Fact>
              )}
              <OwnErrors route={route} isBrief={isPage(route)} />
            </dl>
          </div>
          {!isPage(route) && <Examples route={route} api={api} config={config} />}
        </div>
      </details>
    </article>
  )
}

/** One with a name has its meaning among the types; of one without, it stands here. */
function Answered({ schema }: { schema: JsonSchema }) {
  const fields = fieldsOf(schema)
  const isSaid = fields.some(({ schema: { description } }) => description !== undefined)
  return isSaid ? <Shape fields={fields} schema={schema} isResponse /> : <Type schema={schema} />
}

function Examples({ route, api, config }: EndpointProps) {
  const { doc, base } = route
  const call = callOf(route, api)
  const streams = doc?.response === STREAM
  const url = config.appUrl
  return (
    <div class="shown">
      <div class="code">
        <p>
          <b>Request</b>
          <label for="as-curl">curl</label>
          <label for="as-client">TypeScript</label>
        </p>
        <pre class="curl">{curlOf(call, url, streams)}</pre>
        <pre class="client">
          {base === '/' ? 'The client has no call for it.' : clientOf(call, url, streams)}
        </pre>
      </div>
      <Answer route={route} api={api} />
    </div>
  )
}

function Answer({ route: { id, doc }, api }: Pick<EndpointProps, 'route' | 'api'>) {
  if (typeof doc?.response !== 'object' || doc.response === null) return <></>
  return (
    <div class="code">
      <p>
        <b>Answer</b> {doc.status}
      </p>
      <pre>{JSON.stringify(exampleOf(api.response(named(id, 'response')), api.find), null, 2)}</pre>
    </div>
  )
}
