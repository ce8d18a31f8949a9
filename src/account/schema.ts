// Defines the input that clients send about accounts.
import { z } from 'zod'
import { sizeAlias } from '../kit/http/page-size.ts'
import { cursorOf } from '../kit/http/paging.ts'
import { Page, PageSize, Search } from '../kit/http/validate.ts'
import { UserResponse } from './table.ts'

/** Of an account that has just logged in. */
export const LoginResponse = UserResponse.extend({
  token: z.string().optional().describe('If it was asked for: to be sent as `Authorization: Bearer`.'),
}).meta({ id: 'LoggedInUser' })

export const SignupResponse = LoginResponse.extend({
  loggedIn: z
    .literal(false)
    .optional()
    .describe('Present if the account was created but no session could be started: log in.'),
}).meta({ id: 'NewUser' })

/** Control characters would break a line of a mail or a log, or move a terminal's cursor. */
const isPlain = [(v: string) => !/\p{Cc}/u.test(v), 'must not contain control characters'] as const

const name = z
  .string()
  .trim()
  .min(1, 'must not be empty')
  .max(100)
  .refine(...isPlain)

export const Password = z
  .string()
  .min(6, 'Password must have 6 characters or more')
  // Before the patterns, so that they never run over a huge text.
  .max(200, { abort: true })
  .regex(/\p{Ll}/u, 'Password must have a lowercase letter')
  .regex(/\p{Lu}/u, 'Password must have an uppercase letter')
  .regex(/\d/, 'Password must have a digit')
  .describe('With a lowercase letter, an uppercase letter and a digit.')
  .meta({ examples: ['Secret123'] })

const remember = z
  .boolean()
  .nullish()
  .transform((v) => v ?? true)

const token = z
  .boolean()
  .nullish()
  .transform((v) => v ?? false)
  .describe('True: for a client without cookies, which gets the session as `token`.')

export const Signup = z.object({
  email: z.string().max(254, { abort: true }).check(z.email('must be an email address')),
  password: Password,
  fname: name,
  lname: name,
  company: z
    .string()
    .trim()
    .max(200)
    .refine(...isPlain)
    .nullish(),
  remember: remember.describe('False: the session ends with the browser.'),
  token,
})

export const Login = z.object({
  email: z.string().min(1, 'must not be empty').max(254),
  password: z.string().min(1, 'must not be empty').max(200),
  remember: remember.describe('False: the session ends with the browser.'),
  token,
})

/** What an account sees of one of its sessions. */
export const SessionResponse = z
  .object({
    id: z.string().describe('For ending it; it is no token.'),
    current: z.boolean().describe('Whether this request came in it.'),
    created: z.iso.datetime().describe('The login.'),
    last_seen: z.iso.datetime().describe('Its last request.'),
    ip: z.string(),
    agent: z.string(),
  })
  .meta({ id: 'Session' })

export const Reauthentication = Login.pick({ password: true })

/** A timestamp with Postgres's microseconds, which a Date would drop. */
const Microseconds = z
  .string()
  .max(27, { abort: true })
  .check(z.iso.datetime({ precision: 6 }))
  .refine((moment) => moment > '0001')

export const UserQuery = z.object({
  page: Page,
  size: PageSize,
  limit: sizeAlias('size'),
  cursor: cursorOf(z.tuple([Microseconds, z.uuid()])),
  search: Search.describe('Part of a name or of the email, in any case.'),
})
