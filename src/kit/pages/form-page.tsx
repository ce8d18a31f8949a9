// Makes a page of one form: GET shows it, POST validates what was typed, acts, and leads to the page that follows.
/** @jsxImportSource hono/jsx */
import type { Context, Hono, MiddlewareHandler } from 'hono'
import type { Child } from 'hono/jsx'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import type { z } from 'zod'
import { noStore } from '../http/caching.ts'
import { doc, type DocOptions } from '../http/doc.ts'
import type { AnyContext, AnyProduct, AppEnv } from '../http/env.ts'
import { wantsPage } from '../http/errors.ts'
import { middleware } from '../http/factory.ts'
import { ownPagesOnly } from '../http/origins.ts'
import type { RateLimit } from '../http/quota.ts'
import { rateLimit } from '../http/rate-limit.ts'
import { policyWith } from '../http/security-headers.ts'
import { validate } from '../http/validate.ts'
import { faultOf, leadsElsewhere } from './error-page.tsx'
import { Form, type FieldLook } from './form.tsx'
import { nextOf, NextQuery } from './next.ts'
import { takeNotice } from './notice.ts'
import { ShellPage } from './shell-page.tsx'

/** What a form does, without its page: a button has no more. */
export interface FormAction<S extends z.ZodType> extends Pick<DocOptions, 'link' | 'errors'> {
  /** For the API list. */
  summary: string
  schema: S
  /** Who may send it. */
  guards?: MiddlewareHandler[]
  limit?: RateLimit
  /** Acts, and returns the path of the page that follows, or throws. */
  run(this: void, c: AnyContext, input: z.output<S>): Promise<string | Response>
  /** Where `run` returns the page itself: for what is shown this once, and may wait for the next page nowhere. */
  answersPage?: true
}

/** Adds the POST of a form to an app: it is taken from our own pages only, and leads to the page that follows. */
export function formAction<P extends AnyProduct, S extends z.ZodType>(
  app: Hono<AppEnv<P>>,
  path: string,
  { summary, schema, link, errors = [], guards = [], limit, run, answersPage }: FormAction<S>,
  onFault: MiddlewareHandler[] = [],
): void {
  app.post(
    path,
    noStore,
    answersPage
      ? doc(summary, 'text/html', { link, errors })
      : doc(summary, null, { status: 303, link, errors }),
    ...guards,
    ...onFault, // behind the guards: the form counts on what they bring
    ownPagesOnly,
    validate('form', schema),
    ...(limit ? [rateLimit(limit)] : []),
    async (c: AnyContext) => {
      const done = await run(c, c.req.valid('form' as never))
      return typeof done === 'string' ? c.redirect(done, 303) : done
    },
  )
}

type Fields<S extends z.ZodType> = Record<keyof z.input<S> & string, FieldLook>

export interface FormPage<S extends z.ZodType> extends Omit<FormAction<S>, 'summary' | 'link'> {
  title: string
  /** What GET and POST do. */
  summaries: [shows: string, does: string]
  link?: string
  linkFor?: DocOptions['linkFor']
  /** A function where not all are asked for each time. */
  fields: Fields<S> | ((this: void, c: AnyContext) => Fields<S> | Record<string, never>)
  button: string
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
export function formPage<P extends AnyProduct, S extends z.ZodType>(
  app: Hono<AppEnv<P>>,
  path: string,
  page: FormPage<S>,
): void {
  const { guards = [], link, linkFor, schema, summaries, errors, limit, run, answersPage } = page
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
  const action = { summary: summaries[1], schema, guards, errors, limit, run, answersPage }
  formAction(app, path, action, [faultsOnForm(page)])
}

/** Shows a browser each error in the form, with its status, unless the error leads to another page. */
const faultsOnForm = <S extends z.ZodType>(page: FormPage<S>) =>
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

async function show<S extends z.ZodType>(
  c: Context,
  { title, above, below, schema, button, ...page }: FormPage<S>,
  { values, notice, fault }: Shown,
  status: ContentfulStatusCode = 200,
) {
  const fields: Record<string, FieldLook> = typeof page.fields === 'function' ? page.fields(c) : page.fields
  const issues = fault?.issues ?? []
  const isAtField = issues.length > 0 && issues.every(({ path }) => path in fields)
  // Browsers hold a form's policy against the redirect that answers it, too.
  const next = nextOf(c)
  if (next !== undefined && !next.startsWith('/'))
    c.set('policy', policyWith({ 'form-action': `'self' ${new URL(next).origin}` }))
  const wrong = fault && (isAtField ? 'Please correct what is marked below' : fault.message)
  return c.html(
    <ShellPage c={c} title={title} notice={notice} fault={wrong}>
      {above?.(c)}
      <Form username={await page.username?.(c)} {...{ c, fields, schema, button, values, issues }} />
      {below?.(c)}
    </ShellPage>,
    status,
  )
}
