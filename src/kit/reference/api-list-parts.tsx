// Renders the small parts of the API list: a method, a path, a type, fields.
/** @jsxImportSource hono/jsx */
import type { PropsWithChildren } from 'hono/jsx'
import type { ApiRoute, RequestHeader } from '../http/doc.ts'
import type { Quota } from '../http/quota.ts'
import { limitsOf, patternsOf, typeOf } from './api-list-words.ts'
import type { Field, JsonSchema } from './operations.ts'

export const Method = ({ name }: { name: string }) => <span class={`method ${name}`}>{name}</span>

/** An entry of a `dl`. */
export const Fact = ({ name, children }: PropsWithChildren<{ name: string }>) => (
  <div>
    <dt>{name}</dt>
    <dd>{children}</dd>
  </div>
)

/** Marks the parameters. */
export const Path = ({ path }: { path: string }) => (
  <code>{path.split(/(:\w+)/).map((part) => (part.startsWith(':') ? <var>{part}</var> : part))}</code>
)

/** A sentence; text in backticks is shown as code. */
export const Sentence = ({ text }: { text: string }) => (
  <>{text.split(/`([^`]+)`/).map((part, i) => (i % 2 === 1 ? <code>{part}</code> : part))}</>
)

export const Type = ({ schema }: { schema: JsonSchema }) => (
  <code>
    {typeOf(schema).map((part) =>
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

/** Only where no description replaces them. */
const Patterns = ({ schema }: { schema: JsonSchema }) => (
  <>
    {patternsOf(schema).map((pattern, i) => (
      <>
        {i === 0 ? ', matches ' : ', '}
        <code>{pattern}</code>
      </>
    ))}
  </>
)

/** Bounds and meaning, of what has them. */
function Note({ schema }: { schema: JsonSchema }) {
  const limits = limitsOf(schema).map((limit) => `, ${limit}`)
  if (!schema.description && limits.length + patternsOf(schema).length === 0) return <></>
  return (
    <span class="note">
      {limits}
      {schema.description ? <Sentence text={`. ${schema.description}`} /> : <Patterns schema={schema} />}
    </span>
  )
}

interface ShapeProps {
  fields: Field[]
  schema: JsonSchema
  isResponse?: boolean
}

/** Lists the fields: which a client must send, or which may be missing in a response. Without any, shows the type. */
export function Shape({ fields, schema: whole, isResponse = false }: ShapeProps) {
  if (fields.length === 0) return <Type schema={whole} />
  return (
    <dl class="fields">
      {fields.map(({ name, required, schema }) => (
        <div>
          <dt>
            <code>{name}</code> {required !== isResponse && <em>{required ? 'required' : 'optional'}</em>}
          </dt>
          <dd>
            <Type schema={schema} />
            <Note schema={schema} />
          </dd>
        </div>
      ))}
    </dl>
  )
}

/** Who may call: of accounts, and of programs that have a personal access token. */
export const Caller = ({ route: { ability, role } }: { route: Pick<ApiRoute, 'ability' | 'role'> }) => (
  <p class="role">
    Role: {role ? <strong>{role}</strong> : 'anyone'}
    {role && ability !== undefined && <> · Token: {ability ? <strong>{ability}</strong> : 'none'}</>}
  </p>
)

/** A header that is read, or sent. */
export const Header = ({ fact, name, about, required = false }: RequestHeader & { fact: string }) => (
  <Fact name={fact}>
    <code>{name}</code> {required && <em>required</em>} <Sentence text={about} />
  </Fact>
)
