// Writes the mail that a new account gets.
import { mailOf } from '../kit/mail/layout.ts'
import { plainName } from '../kit/mail/plain-name.ts'
import type { Mail } from '../kit/types/mail.ts'
import type { User } from './queries.ts'

/** Whoever signed up may have given the address of somebody else, so the name is no place for a message. */
export const welcomeMail = (user: Pick<User, 'email' | 'first_name'>, service: string): Promise<Mail> =>
  mailOf({
    to: user.email,
    subject: `Welcome to ${service}`,
    service,
    title: ['Welcome', plainName(user.first_name)].filter(Boolean).join(', '),
    paragraphs: [`Your account at ${service} is ready. You can log in with this address.`],
  })
