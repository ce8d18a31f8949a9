// Shows operators the latest events of the audit trail.
/** @jsxImportSource hono/jsx */
import { z } from 'zod'
import { ACTIONS, wordsOf } from '../account/audit.ts'
import { eventList } from '../kit/audit/events.ts'
import { Moment, Table, textOf } from '../kit/dashboard/parts.tsx'
import type { OperatorsSection } from '../kit/dashboard/shell.tsx'
import { readList } from '../kit/data/list-page.ts'
import { blankAsAbsent, wholeNumber } from '../kit/http/validate.ts'

const SHOWN = 50
const Query = z.object({
  action: blankAsAbsent(z.enum(ACTIONS).optional()),
  account: blankAsAbsent(z.uuid().optional()).describe('Whom it is about.'),
  page: blankAsAbsent(wholeNumber(1, 100).default(1)),
})

export const auditSection: OperatorsSection = {
  path: '/audit',
  label: 'Audit',
  summary: 'Shows operators who did what.',
  query: Query,
  async show(c, given) {
    const { page, ...filter } = given as z.output<typeof Query>
    const span = { limit: SHOWN, offset: (page - 1) * SHOWN }
    const { rows: events } = await readList(eventList, c.var, { given: filter, ...span })
    const link = (to: number, words: string) => {
      const entries = Object.entries({ ...filter, page: String(to) }).filter(([, value]) => value)
      return <a href={`?${new URLSearchParams(entries).toString()}`}>{words}</a>
    }
    const rows = events.map(({ at, action, actor, as_account: as, account, by, details, ip }) => [
      <Moment at={Date.parse(at)} none="unknown" />,
      <strong>{wordsOf(action)}</strong>,
      <code>{[actor ?? by ?? 'nobody', as && `as ${as}`].filter(Boolean).join(' ')}</code>,
      <code>{account ?? 'none'}</code>,
      textOf(details ?? '', 200),
      ip ?? '',
    ])
    return (
      <>
        <form class="filter" method="get">
          <label>
            Action{' '}
            <select name="action">
              <option value="">any</option>
              {ACTIONS.map((action) => (
                <option value={action} selected={action === filter.action}>
                  {wordsOf(action)}
                </option>
              ))}
            </select>
          </label>
          <label>
            Account <input name="account" value={filter.account} />
          </label>
          <button>Filter</button>
        </form>
        {rows.length === 0 ? (
          <p>
            No event. Here stand logins, changes of accounts and roles, and what operators did, the latest
            first.
          </p>
        ) : (
          <Table columns={['When', 'What', 'Who', 'Account', 'Details', 'Address']} rows={rows} />
        )}
        <nav class="pager" aria-label="Pages of events">
          {page > 1 && link(page - 1, 'Newer')}
          {rows.length === SHOWN && page < 100 && link(page + 1, 'Older')}
        </nav>
      </>
    )
  },
}
