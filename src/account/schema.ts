// Defines the input that clients send about accounts.
import { z } from 'zod'
import { ABILITIES } from './abilities.ts'
import { ROLES } from './roles.ts'
import { RoleName, UserResponse } from './table.ts'

/** Tells a client without cookies its session. */
export const TokenResponse = z.object({
  token: z.string().optional().describe('If no cookie carries it: to be sent as `Authorization: Bearer`.'),
})

export const MeResponse = z.object({
  me: UserResponse,
  impersonated_by: z.uuid().optional().describe('The id of the superuser who acts as me.'),
})

export const LoginResponse = UserResponse.extend(TokenResponse.shape).meta({ id: 'LoggedInUser' })

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

/** Its rule is a setting: `password-rule.ts` has it. */
export const Password = z
  .string()
  // Before the rule, so that it never runs over a huge text.
  .max(200)
  .describe(
    'With PASSWORD_RULE=strong, as in production: 8 to 128 characters, none of the most common passwords, nor made of your name or email. ' +
      'Else: 6 characters or more, with a lowercase letter, an uppercase letter and a digit.',
  )
  .meta({ examples: ['Violet7Kettle'], minLength: 6 })

const remember = z
  .boolean()
  .nullish()
  .transform((v) => v ?? true)

const company = z
  .string()
  .trim()
  .max(200)
  .refine(...isPlain)
  .nullish()

const email = z.string().max(254, { abort: true }).check(z.email('must be an email address'))

const asToken = z
  .boolean()
  .optional()
  .describe('True: no cookie is set, and the answer holds the session as `token`.')

export const Signup = z.object({
  email,
  password: Password,
  fname: name,
  lname: name,
  company,
  remember: remember.describe('False: the session ends with the browser.'),
  token: asToken,
})

const token = z.string().min(1, 'must not be empty').max(100).describe('From the link of the mail.')
/** A password that is compared, not set. */
const given = z.string().min(1, 'must not be empty').max(200)

/** A code that people type, with blanks or without. */
export const SixDigits = z
  .string()
  .max(20, { abort: true })
  .transform((typed) => typed.replaceAll(/\s/g, ''))
  .pipe(z.string().regex(/^\d{6}$/, 'must have six digits'))
  .meta({ examples: ['123456'] })

export const Invite = z.object({
  email,
  role: z
    .enum(ROLES)
    .exclude(['disabled'])
    .optional()
    .describe('Not above my own; SIGNUP_ROLE if it is not said.'),
})
export const AcceptInvitation = Signup.omit({ email: true, token: true })
  .partial({ password: true, fname: true, lname: true })
  .extend({ token, bearer: asToken })

export const ForgotPassword = z.object({ email })
export const ResetPassword = z.object({ token, password: Password })
export const ChangePassword = z.object({
  current_password: given.optional().describe('Not needed within 15 minutes of a login.'),
  password: Password,
})
export const ConfirmEmail = z.object({
  token,
  password: given.optional().describe('Needed outside of a session of the account that the link belongs to.'),
})
export const TakeBackEmail = z.object({ token })
export const ChangeEmail = z.object({ email })
export const EditProfile = z.object({
  first_name: name.optional(),
  last_name: name.optional(),
  company: company.optional(),
})

const tag = name
  .max(50, 'must have 50 characters or fewer each')
  .refine((v) => !v.includes(','), 'must not contain a comma')

/** Names another account. As Postgres writes it: what Redis keeps of an account goes by that text, and rules compare it. */
export const OfAccount = z.object({ id: z.uuid().toLowerCase() })

/** What a superuser changes of an account. */
export const ChangeAccount = EditProfile.extend({
  role: RoleName.optional(),
  tags: z
    .array(tag)
    .max(50)
    .transform((tags) => [...new Set(tags)])
    .optional(),
})

export const Login = z.object({
  email: z.string().min(1, 'must not be empty').max(254),
  password: given,
  new_password: Password.optional().describe(
    'Mine from now on, where the error `password_change_required` asks for it; else it changes nothing.',
  ),
  remember: remember.describe('False: the session ends with the browser.'),
  token: asToken,
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
    way: z.string().describe('What its login was proven by: password, password+totp.'),
  })
  .meta({ id: 'Session' })

/** What a superuser sees of an account. */
export const AccountResponse = UserResponse.extend({
  sessions: z.int().describe('How many are open.'),
  last_seen: z.iso.datetime().nullable().describe('The last request in one of them.'),
}).meta({ id: 'Account' })

export const NewAccessToken = z.object({
  name: name.describe('For me: where it is used.'),
  abilities: z
    .array(z.enum(ABILITIES))
    .min(1, 'must name one')
    .transform((names) => [...new Set(names)])
    .default(['read']),
  days: z.int().min(1).max(3650).nullable().default(90).describe('Until it expires; null: never.'),
})

export const Reauthentication = Login.pick({ password: true })
