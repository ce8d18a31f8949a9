// Renders the lines of a `<dl class="record">`: what it is, what it says, and what can be done with it.
/** @jsxImportSource hono/jsx */
import type { Child, PropsWithChildren } from 'hono/jsx'

interface LineProps {
  name: Child
  /** Less important, behind the rest. */
  note?: Child
  /** A link or a button. */
  action?: Child
}

export const Line = ({ name, note, action, children }: PropsWithChildren<LineProps>) => (
  <div>
    <dt>{name}</dt>
    <dd>
      {children} {note && <span class="note">{note}</span>}
    </dd>
    {action && <dd>{action}</dd>}
  </div>
)

interface ButtonProps {
  /** The path of a `formAction`. */
  to: string
  /** Of what it acts on, if that is not in the path. */
  id?: string
  /** For whoever does not see what stands beside it. */
  label?: string
  class?: string
}

export const PostButton = ({ to, id, children, ...look }: PropsWithChildren<ButtonProps>) => (
  <form method="post" action={to}>
    {id !== undefined && <input type="hidden" name="id" value={id} />}
    <button class={look.class} aria-label={look.label}>
      {children}
    </button>
  </form>
)
