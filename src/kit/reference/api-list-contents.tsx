// Renders the contents of the API list: its groups with their endpoints, what stands behind them, and the search.
/** @jsxImportSource hono/jsx */
import { anchorOf, Method } from './api-list-parts.tsx'
import type { Operation } from './operations.ts'
import { clustered, type Group } from './route-groups.ts'

/** Narrow columns break a path before a slash rather than within a word. */
const breakable = (path: string) =>
  path.split(/(?<=.)(?=\/)/).flatMap((part, i) => (i > 0 ? [<wbr />, part] : part))

interface ContentsProps {
  open: Group<Operation>[]
  aside: Group<Operation>[]
  hasTypes: boolean
}

/** A longer group would push the others out of sight. */
const MAX_UNFOLDED = 20

/** The search and the choice of all at once need a script, which shows them. */
export function Contents({ open, aside, hasTypes }: ContentsProps) {
  const more = [
    ...(hasTypes ? [['types', 'Types']] : []),
    ['errors', 'Errors'],
    ...aside.map(({ prefix, title }) => [prefix, title]),
  ]
  return (
    <nav class="contents" aria-label="Contents">
      <div class="find" hidden>
        <input type="search" placeholder="Search  /" aria-label="Search the endpoints" />
        <button type="button">Unfold all</button>
        <p role="status" class="note" />
      </div>
      <ul>
        {open.map(({ title, prefix, members }) => (
          <li>
            <details open={members.length <= MAX_UNFOLDED}>
              <summary>
                <a href={`#${prefix}`}>{title}</a>
              </summary>
              <ul>
                {clustered(members).map((route) => (
                  <li>
                    <a href={`#${anchorOf(route)}`}>
                      <Method name={route.method} />{' '}
                      <code>{breakable(route.path.slice(prefix.length) || '/')}</code>
                    </a>
                  </li>
                ))}
              </ul>
            </details>
          </li>
        ))}
        {more.map(([id, title]) => (
          <li>
            <a href={`#${id}`}>{title}</a>
          </li>
        ))}
      </ul>
    </nav>
  )
}
