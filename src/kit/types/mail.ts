// Declares a mail, and names the list where development keeps mails instead of sending them.

// A type, not an interface: only a type counts as JSON.
export type Mail = {
  to: string
  subject: string
  text: string
  html: string
}

/** A list of `Store`, the newest mail last. */
export const KEPT_MAILS = 'mails'
