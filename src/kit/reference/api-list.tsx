// The page at /api/list: every method of the API, rendered from what its route says of itself.
/** @jsxImportSource hono/jsx */
import type { KitConfig } from '../config/kit-config.ts'
import { ago } from '../http/age.ts'
import type { ApiRoute } from '../http/doc.ts'
import { HtmlPage } from '../http/html-page.tsx'
import { describe, type Entry, type NamedType } from './api-list-groups.ts'
import { Fields, idOf, Method, Path, quotaText, Sentence, Type } from './api-list-parts.tsx'
import { STYLE } from './api-list-style.ts'
import type { FirstGroups, Group } from './route-groups.ts'

interface Props {
  config: KitConfig
  /** Unix milliseconds. */
  startedAt: number
  routes: ApiRoute[]
  groups: FirstGroups
  roles: readonly string[] // of accounts that get in, lowest first
}

/** The whole document. What is said of the routes is worked out at the first view of this array of them. */
export function ApiList({ config, startedAt, routes, groups: first, roles }: Props) {
  const { groups, types } = describe(routes, first)
  return (
    <HtmlPage title={`${config.name} API`} style={STYLE}>
      <header class="top">
        <h1>
          {config.name} API <small>{config.version}</small>
        </h1>
        <Server mode={config.mode} startedAt={startedAt} methods={routes.length} />
        <p>
          JSON in, JSON out. An error is answered with its status and a body like{' '}
          <code>{'{ "err": "404: /api/nothing", "requestId": "..." }'}</code>.
        </p>
        <p>
          {config.apiDocs && (
            <>
              <a href="/api/docs">Try it in the browser</a>, or read{' '}
            </>
          )}
          <a href="/api/openapi.json">{config.apiDocs ? 'the' : 'The'} OpenAPI document</a>
          {config.apiDocs ? '.' : ' describes it for programs.'}
        </p>
        <p>
          A role lets in accounts that have it or a higher one. Lowest first, they are {roles.join(', ')}.
          Anyone means no login.
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

function Server({ mode, startedAt, methods }: { mode: string; startedAt: number; methods: number }) {
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
          {ago(Date.now() - startedAt)}{' '}
          <time datetime={at}>{`${at.slice(0, 19).replace('T', ' ')} UTC`}</time>
        </dd>
      </div>
      <div>
        <dt>Methods</dt>
        <dd>{methods}</dd>
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
                  <a href={`#${idOf(route)}`}>
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
    <article id={idOf(route)}>
      <header>
        <h3>
          <Method name={method} />
          <Path route={route} />
          <a class="self" href={`#${idOf(route)}`} aria-label={`Link to ${method} ${path}`}>
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
            <dt>Answer</dt>
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
            {fields.length > 0 ? <Fields fields={fields} answered /> : <Type parts={type} />}
          </article>
        ))}
      </div>
    </section>
  )
}
