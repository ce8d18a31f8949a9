// The small pieces that the API list is set from: a method, a path, a type, fields.
/** @jsxImportSource hono/jsx */
import type { ApiRoute } from '../http/doc.ts'
import type { Quota } from '../http/quota.ts'
import type { Field, TypePart } from './api-list-schema.ts'

export const Method = ({ name }: { name: string }) => <span class={`method ${name}`}>{name}</span>

/** Links what a browser can open as it stands; marks the parameters of the rest. */
export function Path({ route: { method, path } }: { route: ApiRoute }) {
  const parts = path.split(/(:\w+)/)
  const text = <code>{parts.map((part) => (part.startsWith(':') ? <var>{part}</var> : part))}</code>
  return method === 'GET' && parts.length === 1 ? <a href={path}>{text}</a> : text
}

/** A sentence; what stands in backticks is code. */
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

export const idOf = ({ method, path }: ApiRoute) => `${method}${path}`

/** `10 failures per address in 15 minutes` */
export function quotaText({ most, counts, per, seconds }: Quota): string {
  const time = seconds % 60 === 0 ? `${seconds / 60} minutes` : `${seconds} seconds`
  return `${most} ${counts} per ${per} in ${time}`
}

/** Says what a client must send; of what it gets, only what may be missing. */
export function Fields({ fields, answered = false }: { fields: Field[]; answered?: boolean }) {
  return (
    <dl class="fields">
      {fields.map(({ name, required, type, limits, patterns, description }) => (
        <div>
          <dt>
            <code>{name}</code> {required !== answered && <em>{required ? 'required' : 'optional'}</em>}
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
