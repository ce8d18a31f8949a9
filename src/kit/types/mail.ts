// A mail, and where development keeps those that it does not send.

// A type, not an interface: only a type counts as JSON.
export type Mail = {
  to: string
  subject: string
  text: string
  html: string
}

/** The list of `Store` where development keeps mails, the newest last. */
export const KEPT_MAILS = 'mails'
