// Makes a page of one form: GET shows it, POST validates what was typed, acts, and leads to the page that follows.
/** @jsxImportSource hono/jsx */
import type { Context, Hono, MiddlewareHandler } from 'hono'
import type { Child } from 'hono/jsx'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import { z } from 'zod'
import { noStore } from '../http/caching.ts'
import { doc, type DocOptions } from '../http/doc.ts'
import type { AnyContext, AnyProduct, AppEnv } from '../http/env.ts'
import { wantsPage } from '../http/errors.ts'
import { middleware } from '../http/factory.ts'
import { ownPagesOnly } from '../http/origins.ts'
import type { RateLimit } from '../http/quota.ts'
import { rateLimit } from '../http/rate-limit.ts'
import { widenPolicy } from '../http/security-headers.ts'
import { validate } from '../http/validate.ts'
import { faultOf, leadsElsewhere } from './error-page.tsx'
import { fieldOf, Form, type FieldLook } from './form.tsx'
import { nextOf, NextQuery } from './next.ts'
import { leaveNotice, takeNotice } from './notice.ts'
import { ShellPage } from './shell-page.tsx'

/** What a form does, without its page: a button has no more. */
export interface FormAction<S extends z.ZodType, T> extends Pick<DocOptions, 'link' | 'linkFor' | 'errors'> {
  /** For the API list. */
  summary: string
  /** Of a button it may be left out. */
  schema?: S
  /** Who may send it. */
  guards?: MiddlewareHandler[]
  limit?: RateLimit
  /** Acts, or throws. */
  run(this: void, c: AnyContext, input: z.output<S>): Promise<T>
  /** The path of the page that follows. */
  next: string | ((this: void, c: AnyContext, done: T) => string | Response | Promise<Response>)
  /** What was done, in the words of that page. */
  notice?: string | ((this: void, input: z.output<S>, done: T) => string | undefined)
  /** Where `next` returns the page itself: for what is shown this once, and may wait for the next page nowhere. */
  answersPage?: true
}

/** Adds the POST of a form to an app: it is taken from our own pages only, and leads to the page that follows. */
export function formAction<P extends AnyProduct, S extends z.ZodType, T>(
  app: Hono<AppEnv<P>>,
  path: string,
  { summary, link, linkFor, errors = [], guards = [], limit, ...action }: FormAction<S, T>,
  onFault: MiddlewareHandler[] = [],
): void {
  app.post(
    path,
    noStore,
    action.answersPage
      ? doc(summary, 'text/html', { link, linkFor, errors })
      : doc(summary, null, { status: 303, link, linkFor, errors }),
    ...guards,
    ...onFault, // behind the guards: the form counts on what they bring
    ownPagesOnly,
    validate('form', action.schema ?? z.object({})),
    ...(limit ? [rateLimit(limit)] : []),
    async (c: AnyContext) => {
      const input: z.output<S> = c.req.valid('form' as never)
      const done = await action.run(c, input)
      const notice = typeof action.notice === 'function' ? action.notice(input, done) : action.notice
      if (notice !== undefined) await leaveNotice(c, notice)
      const next = typeof action.next === 'function' ? await action.next(c, done) : action.next
      return typeof next === 'string' ? c.redirect(next, 303) : next
    },
  )
}

type Fields<S extends z.ZodType> = Record<keyof z.input<S> & string, FieldLook>

export interface FormPage<S extends z.ZodType, T = unknown> extends Omit<FormAction<S, T>, 'summary'> {
  title: string
  schema: S
  /** What GET and POST do. */
  summaries: [shows: string, does: string]
  /** A function where not all are asked for each time. */
  fields: Fields<S> | ((this: void, c: AnyContext) => Partial<Fields<S>>)
  /** None where nothing is to be sent: another element of the page does that. */
  button: string | ((this: void, c: AnyContext) => string | undefined)
  /** What stands in the fields at first. */
  values?(this: void, c: AnyContext): Promise<Record<string, unknown>>
  /** Of the account, where its password is all that is asked for. */
  username?(this: void, c: AnyContext): Promise<string>
  above?(this: void, c: AnyContext): Child
  below?(this: void, c: AnyContext): Child
}

/**
 * Adds a page of one form to an app; it works without a script. An error stands in the form, its `issues` at their fields.
 * What was typed is kept, passwords excepted.
 */
export function formPage<P extends AnyProduct, S extends z.ZodType, T>(
  app: Hono<AppEnv<P>>,
  path: string,
  page: FormPage<S, T>,
): void {
  const { guards = [], link, linkFor, summaries } = page
  app.get(
    path,
    noStore,
    doc(summaries[0], 'text/html', { link, linkFor }),
    ...guards,
    validate('query', NextQuery),
    async (c: AnyContext) => {
      const notice = await takeNotice(c)
      return show(c, page, { values: (await page.values?.(c)) ?? {}, notice })
    },
  )
  const { link: _link, linkFor: _for, ...action } = page
  formAction(app, path, { ...action, summary: summaries[1] }, [faultsOnForm(page)])
}

/** Shows a browser each error in the form, with its status, unless the error leads to another page. */
const faultsOnForm = <S extends z.ZodType, T>(page: FormPage<S, T>) =>
  middleware(async (c, next) => {
    await next()
    if (c.error === undefined || !wantsPage(c) || leadsElsewhere(c)) return
    const values: Record<string, unknown> = c.req.valid('form' as never) ?? {}
    c.res = await show(c, page, { values, fault: await faultOf(c) }, c.res.status as ContentfulStatusCode)
  })

interface Shown {
  values: Record<string, unknown>
  notice?: string | undefined
  fault?: Awaited<ReturnType<typeof faultOf>>
}

async function show<S extends z.ZodType, T>(
  c: Context,
  { title, above, below, schema, button, ...page }: FormPage<S, T>,
  { values, notice, fault }: Shown,
  status: ContentfulStatusCode = 200,
) {
  const chosen = typeof page.fields === 'function' ? page.fields(c) : page.fields
  const fields = chosen as Record<string, FieldLook> // none of them undefined
  const label = typeof button === 'function' ? button(c) : button
  const issues = fault?.issues ?? []
  const isAtField = issues.length > 0 && issues.every((issue) => fieldOf(issue) in fields)
  // Browsers hold a form's policy against the redirect that answers it, too.
  const next = nextOf(c)
  if (next !== undefined && !next.startsWith('/'))
    widenPolicy(c, { 'form-action': `'self' ${new URL(next).origin}` })
  const wrong = fault && (isAtField ? 'Please correct what is marked below' : fault.message)
  return c.html(
    <ShellPage c={c} title={title} notice={notice} fault={wrong}>
      {above?.(c)}
      <Form username={await page.username?.(c)} {...{ c, fields, schema, values, issues }} button={label} />
      {below?.(c)}
    </ShellPage>,
    status,
  )
}
