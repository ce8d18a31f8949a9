// An example of a page rendered on the server: a component is a function of its props, and values are escaped.
/** @jsxImportSource hono/jsx */
import { raw } from 'hono/html'

export function Example({ agent, now }: { agent: string; now: Date }) {
  return (
    <>
      {raw('<!doctype html>')}
      <html lang="en">
        <head>
          <title>Example page</title>
          <meta name="viewport" content="width=device-width" />
        </head>
        <body>
          <h1>Hello</h1>
          <p>This page was rendered on the server at {now.toISOString()}.</p>
          <p>Your browser says it is: {agent}</p>
        </body>
      </html>
    </>
  )
}
