// Declares your settings beside the kit's: one line each, read from one environment variable.
import { name, version } from '../package.json'
import { channelsSettings } from './kit/channels/settings.ts'
import { setting } from './kit/config/setting.ts'
import { defineSettings, type ConfigOf } from './kit/config/settings.ts'
import { choice, flag, integer } from './kit/config/values.ts'
import { dashboardSettings } from './kit/dashboard/settings.ts'
import { filesSettings } from './kit/files/settings.ts'
import { oidcSettings } from './kit/oidc/settings.ts'

/**
 * By its key in the config: `betaOpen: setting('BETA_OPEN', flag().default(true), { about: 'Whether anybody may try the beta' })`.
 * The kinds stand in `kit/config/values.ts`. A text is masked in print until it says `isPrintable: true`.
 */
export const settings = defineSettings(
  { name, version },
  {
    // One line for each setting of yours, and for each module that has some.
    emailVerification: setting('EMAIL_VERIFICATION', choice('off', 'soft', 'required').default('soft'), {
      about:
        'Whether a signup is mailed a link that verifies its email; `required`: until then the account may do what the lowest role may',
      isPrintable: true,
    }),
    signup: setting('SIGNUP', choice('open', 'invited', 'off').default('open'), {
      about:
        'Who may make an account: anybody, whoever is invited by mail, or nobody, so that accounts come by `npm run user` alone',
      isPrintable: true,
    }),
    // No role that manages what is others'.
    signupRole: setting('SIGNUP_ROLE', choice('readonly', 'editor').default('editor'), {
      about: 'The role of a new account, unless its invitation names another',
      isPrintable: true,
    }),
    authPages: setting('AUTH_PAGES', flag().default(true), {
      about:
        'Our own pages for accounts, below `/api/auth`. Without them the links in mails lead to a front-end',
    }),
    mailLogin: setting('MAIL_LOGIN', flag().default(false), {
      about:
        'Whether who has the mailbox of an account may log in to it by a code that is mailed, without its password',
      isPrintable: true,
    }),
    mfaRequired: setting('MFA_REQUIRED', choice('readonly', 'editor', 'admin', 'superuser').optional(), {
      about:
        'Accounts of this role and above take a second factor: until they have one they can only set it up',
      unset: 'none has to',
      isPrintable: true,
    }),
    deletionDays: setting('DELETION_DAYS', integer(0, 365).default(14), {
      about:
        'An account goes so many days after its owner has asked for that, and can undo it until then; 0: at once',
    }),
    ...channelsSettings,
    ...dashboardSettings,
    ...filesSettings,
    ...oidcSettings,
  },
)

export interface Config extends ConfigOf<typeof settings> {}

/**
 * Parses the process's environment, or another, into one frozen config.
 * @throws ConfigError that names every faulty variable, what was wrong and what is allowed
 */
export const loadConfig: (env?: Record<string, string | undefined>) => Config = settings.load
