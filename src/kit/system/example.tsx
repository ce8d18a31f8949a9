// Renders the example page: a component is a function of its props, and values are escaped.
/** @jsxImportSource hono/jsx */
import type { AnyContext } from '../http/env.ts'
import { HtmlPage } from '../pages/html-page.tsx'

export function Example({ c, agent, now }: { c: AnyContext; agent: string; now: Date }) {
  return (
    <HtmlPage c={c} title="Example page">
      <h1>Hello</h1>
      <p>This page was rendered on the server at {now.toISOString()}.</p>
      <p>Your browser says it is: {agent}</p>
    </HtmlPage>
  )
}
