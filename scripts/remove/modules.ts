// Declares the modules: what belongs to each, so that `npm run remove` can take it out of a project.

export interface Module {
  /** Why one would keep it. */
  about: string
  /** Its folders and files in the kit and in yours, tests among them. An npm script that runs one of them goes with it. */
  paths: string[]
  /** How yours speaks of it: lines of `src/*.ts`, tests, and rows or paragraphs of pages that do are cut. */
  mentions: RegExp
  /** Dependencies that nothing else needs. */
  packages?: string[]
  /** Tables that a migration drops. */
  tables?: string[]
  /** The module that it shares with others: it goes with the last of them, and they with it. */
  standsOn?: string
}

export const MODULES: Record<string, Module> = {
  dashboard: {
    about:
      'the page at /api/operators: see the queue, retry and drop dead jobs, run crons, without a terminal',
    paths: [
      'src/kit/dashboard',
      'src/account/dashboard.ts',
      'src/operators',
      'test/kit/dashboard',
      'test/operator-sections.test.ts',
      'test/operators.png',
    ],
    mentions:
      /(kit|account)\/dashboard|\boperators\/(audit|mails|webhooks)|\/api\/operators|OPERATORS_PAGE|\boperators(Page|\.png)/,
  },
  'job-status': {
    about: "/api/jobs/:id: clients follow their jobs; the export of an account's data is handed out by it",
    paths: [
      'src/kit/job-status',
      'src/account/audit-export.ts',
      'src/account/export.ts',
      'src/account/pages/export.tsx',
      'test/kit/job-status',
      'test/audit-export.test.ts',
      'test/export.test.ts',
    ],
    mentions:
      /kit\/job-status|account\/(pages\/|audit-)?export|\/api\/jobs\b|\/(me|audit)\/export|export\.test/,
  },
  channels: {
    about: 'what happened, told to browsers at once: one stream of events for several channels',
    paths: [
      'src/kit/channels',
      'src/channels',
      'test/kit/channels',
      'test/channels.test.ts',
      'test/slow/channels.test.ts',
      'scripts/bench/channels',
    ],
    mentions:
      /kit\/channels|\bchannels\/(channels|README)|\/api\/channels|CHANNEL_STREAMS|\btellChannel\b|bench:channels/,
  },
  totp: {
    about: 'codes by an app as a second factor, with recovery codes',
    paths: [
      'src/totp',
      'test/totp.test.ts',
      'test/totp-attacks.test.ts',
      'test/totp-pages.test.ts',
      'test/factor-required.test.ts',
      'test/slow/machines/totp.test.ts',
      'test/support/totp.ts',
    ],
    mentions: /\/totp\b|\btotp\/|\btotp(-\w+)?\.test|otpauth|\buqr\b/,
    packages: ['otpauth', 'uqr'],
    tables: ['totp'],
    standsOn: 'second-factors',
  },
  passkeys: {
    about: 'log in by a finger, a face or a PIN, without email and password; and as a second factor',
    paths: [
      'src/kit/passkeys',
      'src/passkeys',
      'test/passkeys.test.ts',
      'test/passkey-pages.test.ts',
      'test/support/authenticator.ts',
    ],
    mentions: /\/passkeys?\b|\bpasskeys\/|\bpasskey(Factor|Pages|Routes)\b|simplewebauthn/,
    packages: ['@simplewebauthn/server', 'reflect-metadata'],
    tables: ['passkeys'],
    standsOn: 'second-factors',
  },
  oidc: {
    about: 'log in by a login at another provider: Google, Keycloak, any that speaks OpenID Connect',
    paths: [
      'src/kit/oidc',
      'src/oidc',
      'test/kit/oidc',
      'test/oidc.test.ts',
      'test/oidc-attacks.test.ts',
      'test/oidc-pages.test.ts',
      'test/support/oidc.ts',
      'test/support/provider.ts',
    ],
    mentions: /\/oidc\b|\boidc\/|OIDC_|\boidc(WayIn|Routes|Pages|Settings)\b|openid-client|oidc-provider/,
    packages: ['openid-client', 'oidc-provider'],
    tables: ['identities'],
  },
  'mail-login': {
    about: 'log in by six digits in a mail; and what makes a login fresh where there is no password',
    paths: [
      'src/mail-login',
      'test/mail-login.test.ts',
      'test/mail-login-floods.test.ts',
      'test/mail-login-pages.test.ts',
    ],
    mentions: /\/mail-login\b|\bmail-login\/|\bmailLogin\b|MAIL_LOGIN|\/(login|reauthenticate)\/mail\b/,
  },
  'second-factors': {
    about: 'what second factors share: the step after the password, and a mail that undoes each change',
    paths: ['src/second-factors'],
    mentions:
      /\/second-factors\b|\bsecond-factors\/|mfaRequired|MFA_REQUIRED|\/(me|auth)\/factors|\/login\/second/,
  },
  files: {
    about:
      'uploads: checked, counted for each account, on disk or in an S3 bucket, read by links that expire',
    paths: [
      'src/kit/files',
      'src/files',
      'test/files.test.ts',
      'test/files-s3.test.ts',
      'test/files-faults.test.ts',
      'test/files-attacks.test.ts',
      'scripts/bench/files.ts',
      'test/files-field.test.ts',
      'test/support/s3.ts',
      'test/support/uploads.ts',
      'scripts/files.ts',
    ],
    mentions:
      /kit\/files\b|\bfiles\/(files|table|README)|ownFiles|FILES_URL|\/api\/(small-)?files|\bnpm run files\b|fileJobs|sweepFiles/,
    tables: ['files'],
  },
  webhooks: {
    about:
      'other services are told of events at once, signed and until they have them; and theirs are verified',
    paths: [
      'src/kit/webhooks',
      'src/webhooks',
      'src/operators/webhooks.tsx',
      'test/kit/webhooks',
      'test/webhooks.test.ts',
      'test/webhooks-receivers.test.ts',
      'test/slow/trackers.test.ts', // its trace ends at a receiver
    ],
    mentions:
      /kit\/webhooks\b|\bwebhooks\/(endpoints|pages|routes|table|webhooks|README)|\b(own|pauses|sweep|tell)Webhooks\b|\bwebhook(Pages|Routes)\b|\/me\/webhooks\b/,
    tables: ['webhook_deliveries', 'webhook_endpoints'],
  },
  benchmarks: {
    about: 'the figures of the kit, measured again on your machine, beside other servers and queues',
    paths: ['scripts/bench', 'scripts/sample/bench.ts', 'test/slow/type-cost.test.ts'],
    mentions: /scripts\/bench\b|npm run bench\b/,
  },
  sample: {
    about: 'movies, the resource to read and to copy, with its films to load',
    paths: [
      'src/movies',
      'test/movies.test.ts',
      'test/movies-plans.test.ts',
      'test/seed.test.ts',
      'test/slow/sample',
      'test/slow/trackers.test.ts', // it breaks a query of the sample
      'test/slow/machines/redis-http.test.ts', // it writes films
      'scripts/sample',
      'scripts/bench/sample', // what it measures is the sample, and servers that do the same
    ],
    mentions: /\b[mM]ovies?\b(?!-)|\b(scripts|bench|slow)\/sample\b/,
    tables: ['movies'],
  },
}
