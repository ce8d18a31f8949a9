// Writes the mails about accounts: each is a function of what it tells.
import { mailOf, type MailContent } from '../kit/mail/layout.ts'
import { plainName } from '../kit/mail/plain-name.ts'
import type { Mail } from '../kit/types/mail.ts'
import type { Json } from '../kit/types/json.ts'
import type { Purpose } from './one-time-tokens.ts'
import type { User } from './queries.ts'

/** Whom a mail is for and what it carries. */
export interface Letter {
  /** The service's name. */
  service: string
  to: string
  /** Whose link it is, or who invites; undefined for a command. */
  user: Pick<User, 'first_name' | 'email'> | undefined
  /** The link; its absence is said in words. */
  url: string
  /** What the token is for. */
  details?: Json
}

/** Whoever signed up may have given the address of somebody else, so the name is no place for a message. */
export const welcomeMail = ({ service, to, user, url }: Omit<Letter, 'url'> & { url?: string }): Mail =>
  mailOf({
    service,
    to,
    subject: `Welcome to ${service}`,
    title: ['Welcome', plainName(user?.first_name ?? '')].filter(Boolean).join(', '),
    paragraphs: [
      `Your account at ${service} is ready. You can log in with this address.`,
      ...(url === undefined ? [] : ['Please confirm that this mailbox is yours.']),
    ],
    ...(url !== undefined && {
      action: { label: 'Confirm my email', url },
      notes: ['The link works for three days. If you have not signed up, ignore this mail.'],
    }),
  })

type LinkText = Pick<MailContent, 'subject' | 'title' | 'paragraphs' | 'notes'> & { label: string }

/** By the purpose of the token that they carry. */
const LINKS: Record<Purpose, (service: string, details?: Json) => LinkText> = {
  verify: (service) => ({
    subject: `Confirm your email for ${service}`,
    title: 'Confirm your email',
    paragraphs: [`This address was given for an account at ${service}. Please confirm that it is yours.`],
    label: 'Confirm my email',
    notes: [
      'The link works for three days, and only for whoever is logged in to that account or knows its password.',
      'If that was not you, ignore this mail: without you nothing is confirmed.',
    ],
  }),
  reset: (service) => ({
    subject: `Choose a new password for ${service}`,
    title: 'Choose a new password',
    paragraphs: [
      `Somebody, probably you, has asked for a new password for your account at ${service}. All devices will be logged out.`,
    ],
    label: 'Choose a new password',
    notes: [
      'The link works once, for one hour.',
      'If it was not you, ignore this mail: without you nothing changes.',
    ],
  }),
  email_change: (service) => ({
    subject: `Confirm your new email for ${service}`,
    title: 'Confirm your new email',
    paragraphs: [
      `This address is to become that of an account at ${service}. It counts when you confirm it, logged in to that account or with its password.`,
    ],
    label: 'Confirm my new email',
    notes: [
      'The link works for one day.',
      'If that was not you, ignore this mail: without you nothing changes.',
    ],
  }),
  take_back: (service) => ({
    subject: `Your email at ${service} has changed`,
    title: 'Your email has changed',
    paragraphs: [
      `Your account at ${service} goes by another email now. If that was you, there is nothing to do.`,
      'If it was not you, take the account back: it gets this address again, everybody is logged out, its password ends, and you are mailed a link to choose a new one.',
    ],
    label: 'This was not me: take it back',
    notes: ['The link works for seven days.'],
  }),
  invitation: (service) => ({
    subject: `You are invited to ${service}`,
    title: 'You are invited',
    paragraphs: [
      `Whoever runs ${service} has invited you. Choose a password, and this address has an account there; if you have one, log in to it and accept the invitation there.`,
    ],
    label: 'Accept the invitation',
    notes: [
      'The link works once, for seven days. Whoever has it can accept, so do not pass it on.',
      'If you expect no invitation, ignore this mail: without you nothing happens.',
    ],
  }),
  factor_undo: (service, details) => ({
    subject: `The second factor of your account at ${service}`,
    title: 'Your second factor has changed',
    paragraphs: [
      FACTOR_CHANGES[(details as { action: FactorChange }).action],
      'If that was you, there is nothing to do. If it was not you, undo it, with each such change since: everybody is logged out, and tokens end. Then choose a new password.',
    ],
    label: 'This was not me: undo it',
    notes: ['The link works for seven days.'],
  }),
}

/** What has changed of the second factors of an account. */
const FACTOR_CHANGES = {
  added: 'A second factor was added: a login takes it from now on. Your other devices were logged out.',
  removed: 'A second factor was removed: a login takes it no more.',
  renewed: 'The recovery codes were replaced by others.',
}
export type FactorChange = keyof typeof FACTOR_CHANGES

/** The mail that carries the link of a token. */
export function linkMail(purpose: Purpose, { service, to, url, details }: Letter): Mail {
  const { label, ...text } = LINKS[purpose](service, details)
  return mailOf({ service, to, ...text, action: { label, url } })
}

/** To a mailbox that was named as the new one of another account. Nothing tells that account that it is taken. */
export const addressTakenMail = ({ service, to }: Pick<Letter, 'service' | 'to'>): Mail =>
  mailOf({
    service,
    to,
    subject: `You have an account at ${service}`,
    title: 'You have an account already',
    paragraphs: [
      `Somebody, maybe you, wanted to use this address for another account at ${service}. It has one already, so nothing was changed. You can log in with it, or ask for a new password.`,
    ],
  })

/** What their owner is told after the fact. */
export const NOTICES = {
  password_changed: 'The password of your account was changed. Everybody else was logged out.',
  password_reset:
    'A new password was chosen with a link from a mail. Everybody was logged out. If the account was going to be deleted, it stays.',
  mailbox_proven:
    'Somebody has shown that this mailbox is theirs, by a code from a mail or a login at another service. As nobody had shown that before, what was set up until then has ended: the password, devices, tokens. If the account was going to be deleted, it stays.',
  identity_linked:
    'A login at another service was linked to your account, and opens it from now on. A new password by a mailed link ends that.',
  identity_unlinked: 'A login at another service was unlinked from your account, and opens it no more.',
  email_changed: 'Your account goes by another email now.',
  token_made:
    'A personal access token was made: with it a program acts for your account. A new password by a mailed link ends it.',
  webhook_added: 'A webhook was added: another service is told of what happens in your account.',
  webhook_paused: 'A webhook is paused: for two days nothing could be delivered to it. Its page says why.',
  role_changed: 'Your account has another role now: it may do more, or less, or it was disabled.',
  account_changed: 'What your account says of you was changed: its names, its company or its tags.',
  impersonated:
    'Somebody who runs the service acts as your account for up to 15 minutes. They see what you see and change what you may change, but for your password, email, names, tokens and devices.',
  sessions_ended: 'Your account was logged out.',
  factor_attempts:
    'Somebody who knows your password has given several wrong codes for your second factor. For an hour nobody can log in; devices that are logged in stay so.',
  factors_undone:
    'What was changed of your second factors is undone. Everybody was logged out, and tokens have ended.',
  factors_reset: 'Your account has no second factor any more. Everybody was logged out.',
  deletion_asked: 'Your account is going to be deleted, with what belongs to it. Everybody was logged out.',
  deletion_undone: 'Your account stays: its deletion was undone.',
  taken_back: 'Your account has this address again. Everybody was logged out, and its password has ended.',
} as const

export type Notice = keyof typeof NOTICES

/** `2026-01-31 at 12:00 UTC` */
export const minuteOf = (moment: string | Date) =>
  `${new Date(moment).toISOString().slice(0, 16).replace('T', ' at ')} UTC`

interface NoticeLetter extends Pick<Letter, 'service' | 'to'> {
  notice: Notice
  at: string
  /** Empty: whoever runs the service did it. */
  ip: string
  deletes?: string | undefined
}

export function noticeMail({ service, to, notice, at, ip, deletes }: NoticeLetter): Mail {
  const when = `on ${minuteOf(at)}`
  const until = deletes && minuteOf(deletes)
  const undo = until ? [`Until ${until} you can log in, and undo that on the page of your account.`] : []
  const byOwner = [
    `It was done ${when}, from the address ${ip}.`,
    // A mailbox that was the account's can ask for nothing.
    notice === 'email_changed'
      ? 'If it was not you, tell whoever runs the service at once.'
      : 'If it was not you, ask for a new password at once, and tell whoever runs the service.',
  ]
  const byOperator = [`Whoever runs the service did it ${when}. If you do not know why, ask there.`]
  return mailOf({
    service,
    to,
    subject: `Your account at ${service}`,
    title: 'Something about your account has changed',
    paragraphs: [NOTICES[notice], ...undo, ...(ip === '' ? byOperator : byOwner)],
  })
}
