// The document around a page: one self-contained HTML file with its style in it, and no script.
/** @jsxImportSource hono/jsx */
import { raw } from 'hono/html'
import type { PropsWithChildren } from 'hono/jsx'
import { PAGE_STYLE } from './html-page-style.ts'

interface Props {
  title: string
  /** CSS that follows the shared style sheet; it is not escaped. */
  style?: string
  /** Seconds after which the browser loads the page again; it stays where it was scrolled to. */
  refresh?: number
}

export function HtmlPage({ title, style = '', refresh, children }: PropsWithChildren<Props>) {
  return (
    <>
      {raw('<!doctype html>')}
      <html lang="en">
        <head>
          <meta charset="utf-8" />
          <title>{title}</title>
          <meta name="viewport" content="width=device-width, initial-scale=1" />
          <meta name="color-scheme" content="light dark" />
          {/* Under the policy of the header, no-referrer, a browser hides the origin of the page's own forms. */}
          <meta name="referrer" content="same-origin" />
          {refresh !== undefined && <meta http-equiv="refresh" content={String(refresh)} />}
          <style>{raw(PAGE_STYLE + style)}</style>
        </head>
        <body>{children}</body>
      </html>
    </>
  )
}
