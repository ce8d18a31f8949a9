// Renders a page of one narrow column: a heading, what was done or went wrong, and the rest.
/** @jsxImportSource hono/jsx */
import type { Child, PropsWithChildren } from 'hono/jsx'
import type { AnyContext } from '../http/env.ts'
import { HtmlPage } from './html-page.tsx'
import { takeNotice } from './notice.ts'

interface Props {
  c: AnyContext
  title: string
  /** What was done. */
  notice?: string | undefined
  /** What went wrong. */
  fault?: string | undefined
}

export const ShellPage = ({ c, title, notice, fault, children }: PropsWithChildren<Props>) => (
  <HtmlPage c={c} title={`${fault === undefined ? '' : 'Error: '}${title} - ${c.get('config').name}`}>
    <div class="shell">
      <h1>{title}</h1>
      {notice !== undefined && (
        <p class="notice" role="status">
          {notice}
        </p>
      )}
      {fault !== undefined && (
        <p class="notice bad" role="alert">
          {fault}
        </p>
      )}
      {children}
    </div>
  </HtmlPage>
)

/** Sends one, with what was done on the page before. */
export async function showPage(c: AnyContext, title: string, content: Child): Promise<Response> {
  const notice = await takeNotice(c)
  return c.html(
    <ShellPage c={c} title={title} notice={notice}>
      {content}
    </ShellPage>,
  )
}
