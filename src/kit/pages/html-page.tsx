// Renders the HTML document around every page.
/** @jsxImportSource hono/jsx */
import { raw } from 'hono/html'
import type { Child, PropsWithChildren } from 'hono/jsx'
import type { AnyContext } from '../http/env.ts'
import { SiteHeader } from './site-header.tsx'
import { PAGE_STYLE } from './style.ts'

/** A bare document; `head` is added to its head. */
export function HtmlDocument({ title, head, children }: PropsWithChildren<{ title: string; head: Child }>) {
  return (
    <>
      {raw('<!doctype html>')}
      <html lang="en">
        <head>
          <meta charset="utf-8" />
          <title>{title}</title>
          <meta name="viewport" content="width=device-width, initial-scale=1" />
          <meta name="color-scheme" content="light dark" />
          {/* The default policy, no-referrer, would make browsers hide the origin of the page's own forms. */}
          <meta name="referrer" content="same-origin" />
          {head}
        </head>
        <body>{children}</body>
      </html>
    </>
  )
}

interface Props {
  c: AnyContext
  title: string
  /** CSS that follows the shared style sheet; it is not escaped. */
  style?: string
  /** Seconds after which the browser reloads the page; it keeps its scroll position. */
  refresh?: number | undefined
}

/** A self-contained document under the header of all pages: its style sheet is in it, and it has no script. */
export function HtmlPage({ c, title, style = '', refresh, children }: PropsWithChildren<Props>) {
  const head = (
    <>
      {refresh !== undefined && <meta http-equiv="refresh" content={String(refresh)} />}
      <style>{raw(PAGE_STYLE + style)}</style>
    </>
  )
  return (
    <HtmlDocument title={title} head={head}>
      <SiteHeader c={c} />
      <main id="main">{children}</main>
    </HtmlDocument>
  )
}
