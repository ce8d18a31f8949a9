// Serves the page of one's own account.
/** @jsxImportSource hono/jsx */
import { noStore } from '../../kit/http/caching.ts'
import { doc } from '../../kit/http/doc.ts'
import { HtmlPage } from '../../kit/pages/html-page.tsx'
import { takeNotice } from '../../kit/pages/notice.ts'
import { factory, requireRole } from '../product.ts'

export const accountPage = factory
  .createApp()
  .get(
    '/account',
    noStore,
    doc('Shows my account.', 'text/html', { link: 'Account' }),
    requireRole('readonly'),
    async (c) => {
      const [{ fullname, email, role }, notice] = await Promise.all([c.var.me(), takeNotice(c)])
      return c.html(
        <HtmlPage c={c} title={`Account - ${c.var.config.name}`}>
          <div class="shell">
            <h1>Account</h1>
            {notice !== undefined && (
              <p class="notice" role="status">
                {notice}
              </p>
            )}
            <dl class="record">
              <div>
                <dt>Name</dt>
                <dd>{fullname}</dd>
              </div>
              <div>
                <dt>Email</dt>
                <dd>{email}</dd>
              </div>
              <div>
                <dt>Role</dt>
                <dd>{role}</dd>
              </div>
            </dl>
          </div>
        </HtmlPage>,
      )
    },
  )
