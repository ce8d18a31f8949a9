// Renders the page at /api/list: every endpoint of the API, from its route's own description.
/** @jsxImportSource hono/jsx */
import type { KitConfig } from '../config/kit-config.ts'
import { formatAgo } from '../pages/duration.ts'
import type { AnyContext } from '../http/env.ts'
import { HtmlPage } from '../pages/html-page.tsx'
import { CommonErrors, OwnErrors } from './api-list-errors.tsx'
import { anchorOf, Caller, Fact, Header, Method, Path, quotaText } from './api-list-parts.tsx'
import { Sentence, Shape, Type } from './api-list-parts.tsx'
import { API_LIST_STYLE } from './api-list-style.ts'
import { LABELS } from './api-list-words.ts'
import { fieldsOf, named, type Api } from './operations.ts'
import { groupBySlice, type FirstGroups, type Group } from './route-groups.ts'

interface Props {
  c: AnyContext
  config: KitConfig
  /** Unix milliseconds. */
  startedAt: number
  api: Api
  groups: FirstGroups
  roles: readonly string[] // those that are not barred, lowest first
}

type Operation = Api['operations'][number]

/** The whole document. */
export function ApiList({ c, config, startedAt, api, groups: first, roles }: Props) {
  const groups = groupBySlice(api.operations, first, ({ base }) => base)
  const hasTypes = Object.keys(api.components).length > 0
  return (
    <HtmlPage c={c} title={`${config.name} API`} style={API_LIST_STYLE}>
      <div class="top">
        <h1>
          {config.name} API <small>{config.version}</small>
        </h1>
        <Server mode={config.mode} startedAt={startedAt} endpoints={api.operations.length} />
        <p>
          JSON in, JSON out. An error has its status and a body like{' '}
          <code>{'{ "err": "404: /api/nothing", "code": "not_found", "requestId": "..." }'}</code>. Programs
          decide by <code>code</code>: an endpoint shows those of its own, and <a href="#errors">these</a> may
          come from any.
        </p>
        <p>
          <a href="/api/openapi.json">The OpenAPI document</a> describes it for programs.
        </p>
        <p>
          An endpoint with a role is open to accounts with that role or a higher one. The roles, lowest first:{' '}
          {roles.join(', ')}. Anyone means that no login is needed. A personal access token needs the ability
          that stands beside the role.
        </p>
      </div>
      <div class="page">
        <Contents groups={groups} hasTypes={hasTypes} />
        <div>
          {groups.map((group) => (
            <GroupSection group={group} api={api} config={config} />
          ))}
          {hasTypes && <Types types={api.components} />}
          <CommonErrors routes={api.operations} />
        </div>
      </div>
    </HtmlPage>
  )
}

function Server({ mode, startedAt, endpoints }: { mode: string; startedAt: number; endpoints: number }) {
  const at = new Date(startedAt).toISOString()
  return (
    <dl class="server">
      <Fact name="Mode">{mode}</Fact>
      <Fact name="Started">
        {formatAgo(Date.now() - startedAt)}{' '}
        <time datetime={at}>{`${at.slice(0, 19).replace('T', ' ')} UTC`}</time>
      </Fact>
      <Fact name="Endpoints">{endpoints}</Fact>
    </dl>
  )
}

/** Narrow columns break a path before a slash rather than within a word. */
const breakable = (path: string) => path.split(/(?<=.)(?=\/)/).flatMap((part) => [<wbr />, part])

function Contents({ groups, hasTypes }: { groups: Group<Operation>[]; hasTypes: boolean }) {
  return (
    <nav class="contents" aria-label="Contents">
      <ul>
        {groups.map(({ title, prefix, members }) => (
          <li>
            <a href={`#${prefix}`}>{title}</a>
            <ul>
              {members.map((route) => (
                <li>
                  <a href={`#${anchorOf(route)}`}>
                    <Method name={route.method} /> <code>{breakable(route.path)}</code>
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
        <li>
          <a href="#errors">Errors</a>
        </li>
      </ul>
    </nav>
  )
}

interface GroupProps extends Pick<Props, 'api' | 'config'> {
  group: Group<Operation>
}

function GroupSection({ group: { title, prefix, note, members }, ...props }: GroupProps) {
  return (
    <section id={prefix}>
      <h2>
        {title} <code>{prefix}</code>
      </h2>
      {note && <p>{note}</p>}
      {members.map((route) => (
        <RouteArticle route={route} {...props} />
      ))}
    </section>
  )
}

function RouteArticle({ route, api, config }: Omit<GroupProps, 'group'> & { route: Operation }) {
  const { id, method, path, doc, inputs, requestHeaders = [], limit } = route
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
        <Caller route={route} />
      </header>
      {doc && (
        <p>
          <Sentence text={doc.summary} />
        </p>
      )}
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
              <Type schema={api.response(named(id, 'response'))} />
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
        <OwnErrors route={route} />
      </dl>
    </article>
  )
}

function Types({ types }: { types: Api['components'] }) {
  return (
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
}
