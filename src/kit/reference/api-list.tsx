// Renders the page at /api/list: every endpoint of the API, from its route's own description.
/** @jsxImportSource hono/jsx */
import type { KitConfig } from '../config/kit-config.ts'
import { formatAgo } from '../http/duration.ts'
import type { ApiRoute } from '../http/doc.ts'
import { HtmlPage } from '../http/html-page.tsx'
import { describeApi, type Entry, type NamedType } from './api-list-groups.ts'
import { Fields, anchorOf, Method, Path, quotaText, Sentence, Type } from './api-list-parts.tsx'
import { API_LIST_STYLE } from './api-list-style.ts'
import type { FirstGroups, Group } from './route-groups.ts'

interface Props {
  config: KitConfig
  /** Unix milliseconds. */
  startedAt: number
  routes: ApiRoute[]
  groups: FirstGroups
  roles: readonly string[] // those that are not barred, lowest first
}

/** The whole document. The routes are prepared at the first view. */
export function ApiList({ config, startedAt, routes, groups: first, roles }: Props) {
  const { groups, types } = describeApi(routes, first)
  const links = routes.filter(({ doc }) => doc?.link !== undefined)
  return (
    <HtmlPage title={`${config.name} API`} style={API_LIST_STYLE}>
      <header class="top">
        <h1>
          {config.name} API <small>{config.version}</small>
        </h1>
        <Server mode={config.mode} startedAt={startedAt} endpoints={routes.length} />
        <p>
          JSON in, JSON out. An error has its status and a body like{' '}
          <code>{'{ "err": "404: /api/nothing", "requestId": "..." }'}</code>.
        </p>
        <p>
          <a href="/api/openapi.json">The OpenAPI document</a> describes it for programs.
          {links.map(({ path, doc }) => [' ', <a href={path}>{doc?.link}</a>, '.'])}
        </p>
        <p>
          An endpoint with a role is open to accounts with that role or a higher one. The roles, lowest first:{' '}
          {roles.join(', ')}. Anyone means that no login is needed.
        </p>
      </header>
      <div class="page">
        <Contents groups={groups} hasTypes={types.length > 0} />
        <main>
          {groups.map((group) => (
            <GroupSection group={group} config={config} />
          ))}
          {types.length > 0 && <Types types={types} />}
        </main>
      </div>
    </HtmlPage>
  )
}

function Server({ mode, startedAt, endpoints }: { mode: string; startedAt: number; endpoints: number }) {
  const at = new Date(startedAt).toISOString()
  return (
    <dl class="server">
      <div>
        <dt>Mode</dt>
        <dd>{mode}</dd>
      </div>
      <div>
        <dt>Started</dt>
        <dd>
          {formatAgo(Date.now() - startedAt)}{' '}
          <time datetime={at}>{`${at.slice(0, 19).replace('T', ' ')} UTC`}</time>
        </dd>
      </div>
      <div>
        <dt>Endpoints</dt>
        <dd>{endpoints}</dd>
      </div>
    </dl>
  )
}

function Contents({ groups, hasTypes }: { groups: Group<Entry>[]; hasTypes: boolean }) {
  return (
    <nav aria-label="Contents">
      <ul>
        {groups.map(({ title, prefix, members }) => (
          <li>
            <a href={`#${prefix}`}>{title}</a>
            <ul>
              {members.map(({ route }) => (
                <li>
                  <a href={`#${anchorOf(route)}`}>
                    <Method name={route.method} /> <code>{route.path}</code>
                  </a>
                </li>
              ))}
            </ul>
          </li>
        ))}
        {hasTypes && (
          <li>
            <a href="#types">Types</a>
          </li>
        )}
      </ul>
    </nav>
  )
}

function GroupSection({
  group: { title, prefix, note, members },
  config,
}: {
  group: Group<Entry>
  config: KitConfig
}) {
  return (
    <section id={prefix}>
      <h2>
        {title} <code>{prefix}</code>
      </h2>
      {note && <p>{note}</p>}
      {members.map((entry) => (
        <RouteArticle entry={entry} config={config} />
      ))}
    </section>
  )
}

function RouteArticle({ entry: { route, inputs, response }, config }: { entry: Entry; config: KitConfig }) {
  const { method, path, doc, role, limit } = route
  return (
    <article id={anchorOf(route)}>
      <header>
        <h3>
          <Method name={method} />
          <Path route={route} />
          <a class="self" href={`#${anchorOf(route)}`} aria-label={`Link to ${method} ${path}`}>
            #
          </a>
        </h3>
        <p class="role">Role: {role ? <strong>{role}</strong> : 'anyone'}</p>
      </header>
      {doc && (
        <p>
          <Sentence text={doc.summary} />
        </p>
      )}
      <dl class="facts">
        {inputs.map(({ label, fields, type }) => (
          <div>
            <dt>{label}</dt>
            <dd>{fields.length > 0 ? <Fields fields={fields} /> : <Type parts={type} />}</dd>
          </div>
        ))}
        {doc && (
          <div>
            <dt>Returns</dt>
            <dd>
              {doc.status} <Type parts={response} />
            </dd>
          </div>
        )}
        {Object.entries(doc?.headers ?? {}).map(([name, meaning]) => (
          <div>
            <dt>Header</dt>
            <dd>
              <code>{name}</code> <Sentence text={meaning} />
            </dd>
          </div>
        ))}
        {limit && config.rateLimit.on && (
          <div>
            <dt>Limit</dt>
            <dd>{limit.quotas(config).map(quotaText).join('; ')}</dd>
          </div>
        )}
      </dl>
    </article>
  )
}

function Types({ types }: { types: NamedType[] }) {
  return (
    <section id="types">
      <h2>Types</h2>
      <div class="types">
        {types.map(({ name, fields, type }) => (
          <article id={`types/${name}`}>
            <h3>{name}</h3>
            {fields.length > 0 ? <Fields fields={fields} isResponse /> : <Type parts={type} />}
          </article>
        ))}
      </div>
    </section>
  )
}
