// Renders the small parts of the API list: a method, a path, a type, fields.
/** @jsxImportSource hono/jsx */
import type { ApiRoute } from '../http/doc.ts'
import type { Quota } from '../http/quota.ts'
import type { Field, TypePart } from './api-list-schema.ts'

export const Method = ({ name }: { name: string }) => <span class={`method ${name}`}>{name}</span>

/** Links a path that a browser can open; marks the parameters of others. */
export function Path({ route: { method, path } }: { route: ApiRoute }) {
  const parts = path.split(/(:\w+)/)
  const text = <code>{parts.map((part) => (part.startsWith(':') ? <var>{part}</var> : part))}</code>
  return method === 'GET' && parts.length === 1 ? <a href={path}>{text}</a> : text
}

/** A sentence; text in backticks is shown as code. */
export const Sentence = ({ text }: { text: string }) => (
  <>{text.split(/`([^`]+)`/).map((part, i) => (i % 2 === 1 ? <code>{part}</code> : part))}</>
)

export const Type = ({ parts }: { parts: TypePart[] }) => (
  <code>
    {parts.map((part) =>
      typeof part === 'string' ? part : <a href={`#types/${part.named}`}>{part.named}</a>,
    )}
  </code>
)

/** The id of a route's section. */
export const anchorOf = ({ method, path }: ApiRoute) => `${method}${path}`

/** `10 failures per address in 15 minutes` */
export function quotaText({ limit, counts, per, seconds }: Quota): string {
  const time = seconds % 60 === 0 ? `${seconds / 60} minutes` : `${seconds} seconds`
  return `${limit} ${counts} per ${per} in ${time}`
}

/** Lists fields: which a client must send, or which may be missing in a response. */
export function Fields({ fields, isResponse = false }: { fields: Field[]; isResponse?: boolean }) {
  return (
    <dl class="fields">
      {fields.map(({ name, required, type, limits, patterns, description }) => (
        <div>
          <dt>
            <code>{name}</code> {required !== isResponse && <em>{required ? 'required' : 'optional'}</em>}
          </dt>
          <dd>
            <Type parts={type} />
            <span class="note">
              {limits.map((limit) => `, ${limit}`)}
              {patterns.map((pattern, i) => (
                <>
                  {i === 0 ? ', matches ' : ', '}
                  <code>{pattern}</code>
                </>
              ))}
              {description && <Sentence text={`. ${description}`} />}
            </span>
          </dd>
        </div>
      ))}
    </dl>
  )
}
