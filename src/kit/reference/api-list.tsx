// Renders the page at /api/list: every endpoint of the API, from its route's own description.
/** @jsxImportSource hono/jsx */
import { raw } from 'hono/html'
import type { KitConfig } from '../config/kit-config.ts'
import type { AnyContext } from '../http/env.ts'
import { formatAgo } from '../pages/duration.ts'
import { HtmlPage } from '../pages/html-page.tsx'
import { callOf } from './api-list-calls.ts'
import { Endpoint, isPage } from './api-list-endpoint.tsx'
import { Contents } from './api-list-contents.tsx'
import { CommonErrors } from './api-list-errors.tsx'
import { anchorOf, Fact, Shape } from './api-list-parts.tsx'
import { API_LIST_STYLE } from './api-list-style.ts'
import { fieldsOf, type Api, type Operation } from './operations.ts'
import { clustered, groupBySlice, isOfServer, type NamedGroups, type Group } from './route-groups.ts'

export interface ApiListProps {
  config: KitConfig
  api: Api
  groups: NamedGroups
  roles: readonly string[] // those that are not barred, lowest first
}

interface Props {
  c: AnyContext
  config: KitConfig
  /** Unix milliseconds; undefined: neither it nor the mode is for this reader. */
  startedAt: number | undefined
  endpoints: number
  /** `ApiListBody`, rendered. */
  body: string
  /** Scripts, which the page's policy names by their digests. */
  scripts: readonly string[]
}

/** The whole document. */
export function ApiList({ c, config, startedAt, endpoints, body, scripts }: Props) {
  return (
    <HtmlPage c={c} title={`${config.name} API`} style={API_LIST_STYLE}>
      <div class="top">
        <h1>
          {config.name} API <small>{config.version}</small>
        </h1>
        <dl class="server">
          {startedAt !== undefined && <ServerFacts mode={config.mode} startedAt={startedAt} />}
          <Fact name="Endpoints">{endpoints}</Fact>
        </dl>
      </div>
      {raw(body)}
      {scripts.map((script) => (
        <script>{raw(script)}</script>
      ))}
    </HtmlPage>
  )
}

function ServerFacts({ mode, startedAt }: { mode: string; startedAt: number }) {
  const at = new Date(startedAt).toISOString()
  return (
    <>
      <Fact name="Mode">{mode}</Fact>
      <Fact name="Started">
        {formatAgo(Date.now() - startedAt)}{' '}
        <time datetime={at}>{`${at.slice(0, 19).replace('T', ' ')} UTC`}</time>
      </Fact>
    </>
  )
}

/** What is the same for every reader: worth keeping. */
export function ApiListBody({ config, api, groups, roles }: ApiListProps) {
  const all = groupBySlice(api.operations, groups, ({ base }) => base)
  const isAside = (group: Group<Operation>) =>
    isOfServer(group) || group.members.filter(isPage).length * 2 > group.members.length
  const [open, aside] = [all.filter((group) => !isAside(group)), all.filter(isAside)]
  const hasTypes = Object.keys(api.components).length > 0
  return (
    <>
      <Introduction roles={roles} />
      <div class="page">
        <input type="radio" name="language" id="as-curl" checked aria-label="Examples for curl" />
        <input type="radio" name="language" id="as-client" aria-label="Examples for the typed client" />
        <Contents open={open} aside={aside} hasTypes={hasTypes} />
        <div>
          {open.map((group) => (
            <section id={group.prefix}>
              <GroupTitle group={group} />
              {clustered(group.members).map((route) => (
                <Endpoint route={route} api={api} config={config} />
              ))}
            </section>
          ))}
          {hasTypes && <Types types={api.components} />}
          <CommonErrors routes={api.operations} />
          {aside.map((group) => (
            <section>
              <details class="fold">
                <summary>
                  <GroupTitle group={group} />
                </summary>
                <div id={group.prefix}>
                  {group.note && <p class="note">{group.note}</p>}
                  {group.members.map((route) => (
                    <Endpoint route={route} api={api} config={config} />
                  ))}
                </div>
              </details>
            </section>
          ))}
        </div>
      </div>
    </>
  )
}

/** The calls with which one begins to try the API, by the ids of their endpoints. */
export const callsOf = (api: Api) =>
  Object.fromEntries(
    api.operations.filter((route) => !isPage(route)).map((route) => [anchorOf(route), callOf(route, api)]),
  )

const Introduction = ({ roles }: Pick<ApiListProps, 'roles'>) => (
  <div class="intro">
    <p>
      JSON in, JSON out. An error has its status and a body like{' '}
      <code>{'{ "err": "404: /api/nothing", "code": "not_found", "requestId": "..." }'}</code>. Programs
      decide by <code>code</code>: an endpoint shows those of its own, and <a href="#errors">these</a> may
      come from any.
    </p>
    <p>
      An endpoint with a role is open to accounts with that role or a higher one. The roles, lowest first:{' '}
      {roles.join(', ')}. Anyone means that no login is needed. A browser sends its session&rsquo;s cookie; a
      program sends <code>Authorization: Bearer</code> with a token, which a login answers if it is sent{' '}
      <code>"token": true</code>. A personal access token needs the ability that stands beside the role.
    </p>
    <p>
      For programs: <a href="/api/openapi.json">OpenAPI document</a>, <a href="/llms.txt">llms.txt</a>; the
      typed client of the examples is what <code>npm run client</code> writes.
    </p>
  </div>
)

const GroupTitle = ({ group: { title, prefix, members } }: { group: Group<Operation> }) => (
  <h2>
    {title} <code>{prefix}</code> <small>{members.length}</small>
  </h2>
)

const Types = ({ types }: { types: Api['components'] }) => (
  <section id="types">
    <h2>Types</h2>
    <div class="types">
      {Object.entries(types).map(([name, schema]) => (
        <article id={`types/${name}`}>
          <h3>{name}</h3>
          <Shape fields={fieldsOf(schema)} schema={schema} isResponse />
        </article>
      ))}
    </div>
  </section>
)
