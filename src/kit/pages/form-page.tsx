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
import { HtmlPage } from './html-page.tsx'
import { nextOf, NextQuery } from './next.ts'
import { takeNotice } from './notice.ts'

export interface FormPage<S extends z.ZodType> extends Pick<DocOptions, 'link' | 'linkFor' | 'errors'> {
  title: string
  /** What GET and POST do, for the API list. */
  summaries: [shows: string, does: string]
  /** Of the form, whose values are texts. */
  schema: S
  fields: Record<keyof z.input<S> & string, FieldLook>
  button: string
  /** Who may open the page and send its form. */
  guards?: MiddlewareHandler[]
  limit?: RateLimit
  /** What stands in the fields at first. */
  values?(this: void, c: AnyContext): Promise<Record<string, unknown>>
  above?(this: void, c: AnyContext): Child
  below?(this: void, c: AnyContext): Child
  /**
   * Acts, and returns the path of the page that follows, or throws the error that the form shows: its `issues` stand at
   * their fields.
   */
  run(this: void, c: AnyContext, input: z.output<S>): Promise<string>
}

/**
 * Adds the page to an app. Its form is taken from the page itself only, and works without a script. What was typed is
 * kept with an error, passwords excepted.
 */
export function formPage<P extends AnyProduct, S extends z.ZodType>(
  app: Hono<AppEnv<P>>,
  path: string,
  page: FormPage<S>,
): void {
  const { errors = [], guards = [], limit, link, linkFor, schema, summaries } = page
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
  app.post(
    path,
    noStore,
    faultsOnForm(page),
    doc(summaries[1], null, { status: 303, errors }),
    ownPagesOnly,
    ...guards,
    validate('form', schema),
    validate('query', NextQuery),
    ...(limit ? [rateLimit(limit)] : []),
    async (c: AnyContext) => c.redirect(await page.run(c, c.req.valid('form' as never)), 303),
  )
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

function show<S extends z.ZodType>(
  c: Context,
  { title, above, below, ...form }: FormPage<S>,
  { values, notice, fault }: Shown,
  status: ContentfulStatusCode = 200,
) {
  const issues = fault?.issues ?? []
  const isAtField = issues.length > 0 && issues.every(({ path }) => path in form.fields)
  // Browsers hold a form's policy against the redirect that answers it, too.
  const next = nextOf(c)
  if (next !== undefined && !next.startsWith('/'))
    c.set('policy', policyWith({ 'form-action': `'self' ${new URL(next).origin}` }))
  return c.html(
    <HtmlPage c={c} title={`${fault ? 'Error: ' : ''}${title} - ${c.get('config').name}`}>
      <div class="shell">
        <h1>{title}</h1>
        {notice !== undefined && (
          <p class="notice" role="status">
            {notice}
          </p>
        )}
        {fault && (
          <p class="notice bad" role="alert">
            {isAtField ? 'Please correct what is marked below' : fault.message}
          </p>
        )}
        {above?.(c)}
        <Form {...form} {...{ c, values, issues }} />
        {below?.(c)}
      </div>
    </HtmlPage>,
    status,
  )
}
