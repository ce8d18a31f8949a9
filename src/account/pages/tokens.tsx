// Serves the pages of one's personal access tokens: what there are, and the form to make one.
/** @jsxImportSource hono/jsx */
import { z } from 'zod'
import { tooManyTokens } from '../../kit/auth/access-tokens.ts'
import { requireFresh } from '../../kit/auth/guards.ts'
import { doc } from '../../kit/http/doc.ts'
import { notFound } from '../../kit/http/errors.ts'
import { Checkbox, type FieldLook } from '../../kit/pages/form.tsx'
import { formAction, formPage } from '../../kit/pages/form-page.tsx'
import { Line, PostButton } from '../../kit/pages/record.tsx'
import { showPage } from '../../kit/pages/shell-page.tsx'
import { ABILITIES } from '../abilities.ts'
import { accessTokens, endOwnToken, makeOwnToken } from '../access-tokens.ts'
import { factory, requireRole, type LoggedInContext } from '../product.ts'
import { NewAccessToken } from '../schema.ts'
import { TOKENS } from './paths.ts'
import { dayOf } from '../../kit/pages/duration.ts'

export const tokensPage = factory
  .createApp()
  .get(
    '/account/tokens',
    doc('Shows my personal access tokens.', 'text/html'),
    requireRole('readonly'),
    async (c) => {
      const tokens = await accessTokens.list(c.var.db, c.var.session.userId)
      return showPage(
        c,
        'Your tokens',
        <>
          <p>With a token a program acts for your account, until you end it.</p>
          <dl class="record">
            {tokens.map(({ id, name, abilities, expires, last_used }) => (
              <Line
                name={abilities.join(', ')}
                note={[
                  last_used ? `used on ${dayOf(last_used)}` : 'never used',
                  expires && `, ${expires.getTime() > Date.now() ? 'until' : 'expired on'} ${dayOf(expires)}`,
                ]}
                action={
                  <PostButton to={`${TOKENS}/end`} id={id} label={`End the token ${name}`}>
                    End
                  </PostButton>
                }
              >
                {name}
              </Line>
            ))}
          </dl>
          <a class="button" href={`${TOKENS}/new`}>
            Make a token
          </a>
        </>,
      )
    },
  )

formAction(tokensPage, '/account/tokens/end', {
  summary: 'Ends one of my personal access tokens.',
  guards: [requireRole('readonly')],
  schema: z.object({ id: z.uuid() }),
  errors: [notFound],
  run: (c: LoggedInContext, { id }) => endOwnToken(c, id),
  next: TOKENS,
  notice: 'That token is ended',
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
    days: { label: 'Days', required: false },
    ...ofEach((ability): FieldLook => ({ label: `It may ${ability}`, type: 'checkbox' })),
  },
  values: async () => ({ days: '90', read: true }),
  button: 'Make it',
  errors: [tooManyTokens],
  answersPage: true,
  run: makeOwnToken,
  next: (c, { token }) =>
    showPage(
      c,
      'Your new token',
      <>
        <p>Copy it now: it is shown this once. A program sends it as Authorization: Bearer.</p>
        <pre>{token}</pre>
        <a href={TOKENS}>Back to your tokens</a>
      </>,
    ),
})
