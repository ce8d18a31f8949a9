// Renders a form: what a field takes is read from the schema that its handler validates it by.
/** @jsxImportSource hono/jsx */
import type { Child } from 'hono/jsx'
import { z } from 'zod'
import type { AnyContext } from '../http/env.ts'
import type { Issue } from '../types/api-error.ts'

/** How a field looks. By default its schema says whether it is required, how long it is, and by its description a hint. */
export interface FieldLook {
  label: string
  /** `email`, `text` and a choice of an enumeration follow from the schema. */
  type?: 'email' | 'password' | 'checkbox'
  /** Where the schema does not say it: a form may ask for what an API only allows. */
  required?: boolean
  /** What to know before one types; the schema's description if it is not said. */
  hint?(this: void, c: AnyContext): string
  /** As HTML has it: `username`, `current-password`, `new-password`. */
  autocomplete?: string
}

/** A box of a form, checked or not: browsers send nothing for one that is not. */
export const Checkbox = z
  .literal('on')
  .optional()
  .transform((on) => on === 'on')

/** The field that an issue is about: of a list, `tags.0`. */
export const fieldOf = ({ path }: Issue) => path.replace(/\..*/, '')

export interface FormProps {
  c: AnyContext
  fields: Record<string, FieldLook>
  schema: z.ZodType
  button: string | undefined
  /** What stands in the fields; a password is never repeated. */
  values: Record<string, unknown>
  /** The account's, for the password managers of those who are asked for nothing but a password. */
  username?: string | undefined
  /** What was wrong, by field. */
  issues: Issue[]
}

type Limits = z.core.JSONSchema.BaseSchema

/** Posts to the page's own address. The first faulty field has the focus, else the first that is to be filled in. */
export function Form({ c, fields, schema, button, values, username, issues }: FormProps) {
  const { properties = {}, required = [] } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' })
  const names = Object.keys(fields)
  const faultOf = (name: string) => issues.find((issue) => fieldOf(issue) === name)?.message
  const isRequired = (name: string) => fields[name]?.required ?? required.includes(name)
  const isEmpty = (name: string) => fields[name]?.type === 'password' || !values[name]
  const focused = names.find(faultOf) ?? names.find((name) => isRequired(name) && isEmpty(name)) ?? names[0]
  return (
    <form method="post" class="form">
      {username !== undefined && <input hidden readonly autocomplete="username" value={username} />}
      {Object.entries(fields).map(([name, look]) => (
        <Field
          {...{ name, look, value: values[name], fault: faultOf(name) }}
          hint={look.hint?.(c) ?? (properties[name] as Limits).description}
          limits={properties[name] as Limits}
          isRequired={isRequired(name)}
          hasFocus={name === focused}
        />
      ))}
      {button !== undefined && <button>{button}</button>}
    </form>
  )
}

interface FieldProps {
  name: string
  look: FieldLook
  hint: string | undefined
  limits: Limits
  value: unknown
  fault: string | undefined
  isRequired: boolean
  hasFocus: boolean
}

function Field({ name, look, hint, limits, value, fault, isRequired, hasFocus }: FieldProps) {
  const { label, autocomplete } = look
  const { type = limits.format === 'email' ? 'email' : 'text' } = look
  const isSecret = type === 'password'
  const notes: [id: string, text: Child][] = []
  if (hint !== undefined) notes.push([`${name}-hint`, hint])
  // Messages are written to follow the field's name, or are sentences.
  if (fault !== undefined) notes.push([`${name}-fault`, /^\p{Ll}/u.test(fault) ? `${label} ${fault}` : fault])
  const options = limits.enum
  const input = options ? (
    <select id={name} name={name}>
      {options.map((option) => (
        <option selected={option === value}>{option}</option>
      ))}
    </select>
  ) : (
    <input
      {...{ id: name, name, type, autocomplete }}
      required={isRequired && type !== 'checkbox'}
      minlength={isSecret ? undefined : limits.minLength}
      maxlength={isSecret ? undefined : limits.maxLength} // a browser would cut what is pasted, unseen
      autofocus={hasFocus}
      aria-invalid={fault === undefined ? undefined : 'true'}
      aria-describedby={notes.length > 0 ? notes.map(([id]) => id).join(' ') : undefined}
      {...(type === 'checkbox' ? { checked: Boolean(value) } : { value: isSecret ? '' : textOf(value) })}
    />
  )
  return (
    <div class={type === 'checkbox' ? 'box' : undefined}>
      {type === 'checkbox' && input}
      <label for={name}>{isRequired || type === 'checkbox' ? label : `${label} (optional)`}</label>
      {notes.map(([id, text]) => (
        <p id={id} class={id.endsWith('-hint') ? 'note' : 'bad'}>
          {text}
        </p>
      ))}
      {type !== 'checkbox' && input}
    </div>
  )
}

const textOf = (value: unknown) => (typeof value === 'string' ? value : '')
