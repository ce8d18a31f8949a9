// Serves the page on which one gets one's own data.
/** @jsxImportSource hono/jsx */
import { doc } from '../../kit/http/doc.ts'
import { formAction } from '../../kit/pages/form-page.tsx'
import { showPage } from '../../kit/pages/shell-page.tsx'
import { recentExport, startExport } from '../export.ts'
import { factory, requireRole } from '../product.ts'
import { EXPORT } from './paths.ts'

export const exportPage = factory
  .createApp()
  .get(
    '/account/data',
    doc('Shows where I get my data.', 'text/html', { link: 'Data', linkFor: 'account' }),
    requireRole('readonly'),
    async (c) => {
      const job = await recentExport(c)
      return showPage(
        c,
        'Your data',
        <>
          <p>All that is kept about you, in one file for programs (JSON).</p>
          {job?.state === 'done' ? (
            <p>
              It is ready, for an hour:{' '}
              <a href={`/api/jobs/${job.id}`} download="my-data.json">
                Download your data
              </a>
            </p>
          ) : job === undefined || job.state === 'failed' ? (
            <form method="post">
              {job && <p class="bad">It could not be made. Please try again.</p>}
              <button>Get my data</button>
            </form>
          ) : (
            <p>
              It is being made. <a href={EXPORT}>Look again</a>
            </p>
          )}
        </>,
      )
    },
  )

formAction(exportPage, '/account/data', {
  summary: 'Has my data collected.',
  guards: [requireRole('readonly')],
  run: startExport,
  next: EXPORT,
})
