// Serves the page of what second factors an account has.
/** @jsxImportSource hono/jsx */
import { FACTORS } from '../account/pages/paths.ts'
import { factory, requireRole, type LoggedInContext } from '../account/product.ts'
import { ownLimit } from '../account/throttles.ts'
import { requireFresh } from '../kit/auth/guards.ts'
import { doc } from '../kit/http/doc.ts'
import { formAction } from '../kit/pages/form-page.tsx'
import { Line, PostButton } from '../kit/pages/record.tsx'
import { showPage } from '../kit/pages/shell-page.tsx'
import { keepFactors, mailVerification, needsMailbox, olderFactorRequired } from './changes.ts'
import { dayOf } from '../kit/pages/duration.ts'

export const factorsPage = factory
  .createApp()
  .get(
    '/account/factors',
    doc('Shows my second factors.', 'text/html', { link: 'Second factor', linkFor: 'account' }),
    requireRole('readonly'),
    async (c) => {
      const { db, secondStep, session } = c.var
      const own = (await secondStep?.factorsOf(db, session.userId)) ?? []
      return showPage(
        c,
        'Your second factor',
        <>
          <p>With a second factor nobody logs in by your password alone.</p>
          <dl class="record">
            {secondStep?.factors.map(({ page: { path, label }, answers }) => {
              const names = own.filter(({ name }) => Object.hasOwn(answers, name))
              return (
                <Line name={label} action={<a href={path}>{names.length > 0 ? 'See' : 'Set up'}</a>}>
                  {names[0] ? `since ${dayOf(names[0].since)}` : 'none'}
                </Line>
              )
            })}
          </dl>
          {(await needsMailbox(c)) && (
            <>
              <p>To set one up, show first that your mailbox is yours:</p>
              <PostButton to={`${FACTORS}/mail`}>Mail me a link</PostButton>
            </>
          )}
          {own.length > 0 && (
            <>
              <p>
                A change can be undone for seven days by the link of its mail. If your mailbox may be
                another&apos;s, void these links:
              </p>
              <PostButton to={`${FACTORS}/keep`}>My changes stay</PostButton>
            </>
          )}
        </>,
      )
    },
  )

formAction(factorsPage, '/account/factors/keep', {
  summary: 'Voids the mailed links that undo a change of my factors.',
  guards: [requireRole('readonly'), requireFresh()],
  errors: [olderFactorRequired],
  run: (c: LoggedInContext) => keepFactors(c),
  next: FACTORS,
  notice: 'Your changes stay',
})

formAction(factorsPage, '/account/factors/mail', {
  summary: 'Mails me a link, which shows that the mailbox is mine.',
  guards: [requireRole('readonly')],
  limit: ownLimit,
  run: (c: LoggedInContext) => mailVerification(c),
  next: FACTORS,
  notice: 'A mail with a link is on its way to you: open it in this browser',
})
