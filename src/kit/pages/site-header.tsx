// Renders the header of all pages: a link to each page that is mounted and open to the reader.
/** @jsxImportSource hono/jsx */
import { describeRoutes } from '../http/doc.ts'
import type { AnyContext, PageLink } from '../http/env.ts'
import { sentSession } from '../http/sent-session.ts'
import { withNext } from './next.ts'

/** Returns the routes that say `link` in their `doc`, in order of declaration. They are read at the first page, when all are added. */
export function pageLinks(app: Parameters<typeof describeRoutes>[0]): () => PageLink[] {
  let links: PageLink[] | undefined
  return () =>
    (links ??= describeRoutes(app).flatMap(({ doc, method, path, role }) =>
      doc?.link === undefined ? [] : { method, path, role, label: doc.link, linkFor: doc.linkFor },
    ))
}

export function SiteHeader({ c }: { c: AnyContext }) {
  const links: PageLink[] = c
    .get('pageLinks')()
    .filter((link: PageLink) => isFor(c, link))
  const session = sentSession(c)
  const isBack = ({ linkFor }: PageLink) => linkFor === 'impersonators'
  return (
    <header class="site">
      <a class="skip" href="#main">
        Skip to the content
      </a>
      <nav aria-label="Pages">
        <strong>{c.get('config').name}</strong>
        <ul>
          {links
            .filter((link) => !isBack(link))
            .map((link) => (
              <li>
                <Link c={c} link={link} />
              </li>
            ))}
        </ul>
      </nav>
      {session?.impersonator !== undefined && (
        <div class="notice bad">
          You act as {session.identity.impersonation?.label}.{' '}
          {links.filter(isBack).map((link) => (
            <Link c={c} link={link} />
          ))}
        </div>
      )}
    </header>
  )
}

/** Whether the reader's role opens it. */
function isFor(c: AnyContext, { role, linkFor }: PageLink): boolean {
  const session = sentSession(c)
  if (linkFor === 'account') return false
  if (linkFor === 'visitors') return !session
  if (linkFor === 'impersonators') return session?.impersonator !== undefined
  return role === undefined || (Boolean(session) && c.get('roles').atLeast(session?.role, role))
}

/** A page is a link, anything else a button. */
function Link({ c, link: { method, path, label, linkFor } }: { c: AnyContext; link: PageLink }) {
  if (method !== 'GET') {
    return (
      <form method="post" action={path}>
        <button class="plain">{label}</button>
      </form>
    )
  }
  const here = c.req.path.replace(/\/$/, '')
  const isHere = here === path ? 'page' : here.startsWith(`${path}/`) ? 'true' : undefined
  // Whoever signs in goes on where they were, but for the pages beside that of the sign-in.
  const isBeside = here.startsWith(path.slice(0, path.lastIndexOf('/') + 1))
  return (
    <a href={linkFor === 'visitors' && !isBeside ? withNext(path, here) : path} aria-current={isHere}>
      {label}
    </a>
  )
}
