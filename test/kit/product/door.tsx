// Its pages: to enter, to leave, and to answer an invitation that came by mail.
/** @jsxImportSource hono/jsx */
import { z } from 'zod'
import { defineError } from '../../../src/kit/types/api-error.ts'
import { endSession } from '../../../src/kit/http/session.ts'
import { errorsAsPages } from '../../../src/kit/pages/error-page.tsx'
import { formAction, formPage } from '../../../src/kit/pages/form-page.tsx'
import { Checkbox } from '../../../src/kit/pages/form.tsx'
import { forgetLinkToken, linkTokenOf, takeLinkToken } from '../../../src/kit/pages/link-token.ts'
import { nextOf } from '../../../src/kit/pages/next.ts'
import { Credentials, enter, enterLimit, nobody } from './members.ts'
import { factory, requireRole } from './product.ts'

export const DOOR = '/club/door'
export const ENTER = `${DOOR}/enter`
const HOME = '/api/list'

export const door = factory
  .createApp()
  .use(errorsAsPages({ home: { path: HOME, label: 'Back' }, signIn: ENTER }))

formPage(door, '/enter', {
  title: 'Enter',
  link: 'Enter',
  linkFor: 'visitors',
  summaries: ['Shows the form to enter.', 'Enters.'],
  schema: Credentials.extend({ remember: Checkbox }),
  fields: {
    email: { label: 'Email', type: 'email', autocomplete: 'username' },
    password: { label: 'Password', type: 'password', autocomplete: 'current-password' },
    remember: { label: 'Stay', type: 'checkbox' },
  },
  button: 'Enter',
  limit: enterLimit,
  errors: [nobody],
  run: enter,
  next: (c) => nextOf(c) ?? HOME,
})

formAction(door, '/leave', {
  summary: 'Leaves.',
  link: 'Leave',
  guards: [requireRole('reader')],
  run: endSession,
  next: ENTER,
  notice: 'Come back soon',
})

/** The one invitation that there is. */
export const INVITATION = 'invitation-1'

const notInvited = defineError(400, 'not_invited', 'This link is not valid any more')
const nameTaken = defineError(400, 'name_taken', 'Taken', () => ({
  issues: [{ path: 'name', message: 'is taken' }],
}))

formPage(door, '/invited', {
  title: 'Invitation',
  summaries: ['Shows the invitation.', 'Accepts it.'],
  schema: z.object({
    name: z.string().min(2).max(20).describe('As it stands on your card.'),
    nick: z.string().max(20).optional(),
    seat: z.enum(['front', 'back']).optional(),
    guests: z
      .string()
      .optional()
      .transform((names = '') => names.split(','))
      .pipe(z.array(z.string().max(5, 'is too long'))),
  }),
  fields: {
    name: { label: 'Name' },
    nick: { label: 'Nickname' },
    seat: { label: 'Seat' },
    guests: { label: 'Guests' },
  },
  button: 'Accept',
  errors: [notInvited, nameTaken],
  limit: {
    name: 'invited',
    quotas: ({ rateLimit: { address, seconds } }) => [
      { per: 'address', limit: address, seconds, counts: 'requests', key: (c) => c.get('ip') },
    ],
  },
  guards: [takeLinkToken],
  values: async (c) => ({ name: linkTokenOf(c) === undefined ? '' : 'Ann' }),
  above: (c) => <p>{linkTokenOf(c) === undefined ? 'Open the link in your mail' : 'You are invited'}</p>,
  run: async (c, { name }) => {
    if (linkTokenOf(c) !== INVITATION) throw notInvited()
    if (name === 'Taken') throw nameTaken()
    forgetLinkToken(c)
  },
  next: ENTER,
  notice: ({ name }) => `Welcome, ${name}`,
})
