// Serves the page to delete one's account, and the button that undoes it.
/** @jsxImportSource hono/jsx */
import { z } from 'zod'
import { requireFresh } from '../../kit/auth/guards.ts'
import { formAction, formPage } from '../../kit/pages/form-page.tsx'
import { PostButton } from '../../kit/pages/record.tsx'
import { requestDeletion, undoDeletion } from '../deletion.ts'
import { lastSuperuser } from '../errors.ts'
import { minuteOf } from '../mails.ts'
import { factory, requireRole, type LoggedInContext } from '../product.ts'
import { ownLimit } from '../throttles.ts'
import { ACCOUNT, EXPORT, SIGN_IN } from './paths.ts'

export const deletionPage = factory.createApp()

export const DeletionBanner = ({ deletes }: { deletes: Date }) => (
  <div class="notice">
    <p>
      <strong>Your account will be deleted on {minuteOf(deletes)}.</strong> Until then you can keep it.
    </p>
    <PostButton to={`${ACCOUNT}/undo-deletion`}>Keep my account</PostButton>
  </div>
)

formPage(deletionPage, '/delete', {
  guards: [requireRole('readonly'), requireFresh()],
  limit: ownLimit,
  title: 'Delete your account',
  summaries: ['Shows what it means to delete my account.', 'Has it deleted, and signs out everywhere.'],
  schema: z.object({}),
  fields: {},
  button: 'Delete my account',
  errors: [lastSuperuser],
  above: (c: LoggedInContext) => {
    const { deletionDays: days } = c.var.config
    const hasExport = c.var.pageLinks().some(({ path }) => path === EXPORT)
    return (
      <>
        <p>
          You are signed out on every device, and programs that act for you stop at once. Your name, your
          email and what belongs to you alone are deleted; what you added for everybody stays, without your
          name.
        </p>
        <p>
          {days === 0
            ? 'It is done at once, and nobody can undo it.'
            : `It is done in ${days} days. Until then sign in, and you can keep your account. After that nobody can bring it back.`}
        </p>
        {hasExport && (
          <p>
            <a href={EXPORT}>Take your data with you</a> first.
          </p>
        )}
      </>
    )
  },
  run: async (c: LoggedInContext) => {
    const { deletes } = await requestDeletion(c)
    c.header('Clear-Site-Data', '"cache", "storage"')
    return deletes
  },
  next: SIGN_IN,
  notice: (_input, deletes) =>
    deletes === null || deletes.getTime() <= Date.now()
      ? 'Your account is being deleted'
      : `Your account will be deleted on ${minuteOf(deletes)}. Sign in before that to keep it`,
})

formAction(deletionPage, '/account/undo-deletion', {
  summary: 'Undoes the deletion of my account.',
  guards: [requireRole('readonly')],
  run: undoDeletion,
  next: ACCOUNT,
  notice: 'Your account stays',
})
