// Renders the mail that a new account gets.
import { html } from 'hono/html'
import type { Mail } from '../kit/types/mail.ts'
import type { User } from './queries.ts'

/** Values are escaped in the HTML and left as they are in the text. */
export async function welcomeMail(user: Pick<User, 'email' | 'first_name'>, service: string): Promise<Mail> {
  const ready = `Your account at ${service} is ready. You can log in with this address.`
  return {
    to: user.email,
    subject: `Welcome to ${service}`,
    text: `Welcome, ${user.first_name}\n\n${ready}\n`,
    html: await html`<!doctype html>
      <html lang="en">
        <body>
          <h1>Welcome, ${user.first_name}</h1>
          <p>${ready}</p>
        </body>
      </html>`,
  }
}
