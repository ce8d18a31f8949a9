// Serves the pages of one's personal access tokens: what there are, and the form to make one.
/** @jsxImportSource hono/jsx */
import { z } from 'zod'
import { tooManyTokens } from '../../kit/auth/access-tokens.ts'
import { freshLoginRequired, requireFresh } from '../../kit/auth/guards.ts'
import { noStore } from '../../kit/http/caching.ts'
import { doc } from '../../kit/http/doc.ts'
import { notFound } from '../../kit/http/errors.ts'
import { Checkbox, type FieldLook } from '../../kit/pages/form.tsx'
import { formAction, formPage } from '../../kit/pages/form-page.tsx'
import { leaveNotice, takeNotice } from '../../kit/pages/notice.ts'
import { ShellPage } from '../../kit/pages/shell-page.tsx'
import { ABILITIES } from '../abilities.ts'
import { accessTokens } from '../access-tokens.ts'
import { endOwnToken, makeOwnToken } from '../own-tokens.ts'
import { factory, requireRole } from '../product.ts'
import { NewAccessToken } from '../schema.ts'
import { TOKENS } from './paths.ts'

const dayOf = (date: Date | null) => date?.toISOString().slice(0, 10)

export const tokensPage = factory
  .createApp()
  .get(
    '/account/tokens',
    noStore,
    doc('Shows my personal access tokens.', 'text/html'),
    requireRole('readonly'),
    async (c) => {
      const { db, session } = c.var
      const [tokens, notice] = await Promise.all([accessTokens.list(db, session.userId), takeNotice(c)])
      return c.html(
        <ShellPage c={c} title="Your tokens" notice={notice}>
          <p>With a token a program acts for your account, until you end it.</p>
          <dl class="record">
            {tokens.map(({ id, name, abilities, expires, last_used }) => (
              <div>
                <dt>{abilities.join(', ')}</dt>
                <dd>
                  {name}{' '}
                  <span class="note">
                    {last_used ? `used on ${dayOf(last_used)}` : 'never used'}
                    {expires &&
                      `, ${expires.getTime() > Date.now() ? 'until' : 'expired on'} ${dayOf(expires)}`}
                  </span>
                </dd>
                <dd>
                  <form method="post" action={`${TOKENS}/end`}>
                    <input type="hidden" name="id" value={id} />
                    <button aria-label={`End the token ${name}`}>End</button>
                  </form>
                </dd>
              </div>
            ))}
          </dl>
          <a class="button" href={`${TOKENS}/new`}>
            Make a token
          </a>
        </ShellPage>,
      )
    },
  )

formAction(tokensPage, '/account/tokens/end', {
  summary: 'Ends one of my personal access tokens.',
  guards: [requireRole('readonly')],
  schema: z.object({ id: z.uuid() }),
  errors: [notFound],
  run: async (c, { id }) => {
    await endOwnToken(c, id)
    await leaveNotice(c, 'That token is ended')
    return TOKENS
  },
})

type Ability = (typeof ABILITIES)[number]
const ofEach = <T,>(value: (ability: Ability) => T) =>
  Object.fromEntries(ABILITIES.map((ability) => [ability, value(ability)])) as Record<Ability, T>

const TokenForm = z
  .object({
    name: NewAccessToken.shape.name,
    days: z
      .string()
      .max(4, { abort: true })
      .regex(/^\d*$/, 'must be a number')
      .describe('Until it expires; empty: never.'),
    ...ofEach(() => Checkbox),
  })
  .transform(({ name, days, ...may }): z.input<typeof NewAccessToken> => ({
    name,
    days: days === '' ? null : Number(days),
    abilities: ABILITIES.filter((ability) => may[ability]),
  }))
  .pipe(NewAccessToken)

formPage(tokensPage, '/account/tokens/new', {
  guards: [requireRole('readonly'), requireFresh()],
  title: 'A new token',
  summaries: ['Shows the form to make a personal access token.', 'Makes it, and shows it this once.'],
  schema: TokenForm,
  fields: {
    name: { label: 'Name', hint: () => 'Where it is used.' },
    days: { label: 'Days' },
    ...ofEach((ability): FieldLook => ({ label: `It may ${ability}`, type: 'checkbox' })),
  },
  values: async () => ({ days: '90', read: true }),
  button: 'Make it',
  errors: [freshLoginRequired, tooManyTokens],
  answersPage: true,
  run: async (c, input) => {
    const { token } = await makeOwnToken(c, input)
    return c.html(
      <ShellPage c={c} title="Your new token">
        <p>Copy it now: it is shown this once. A program sends it as Authorization: Bearer.</p>
        <pre>{token}</pre>
        <a href={TOKENS}>Back to your tokens</a>
      </ShellPage>,
    )
  },
})
