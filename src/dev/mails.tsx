// The mails that development has kept instead of sending them.
/** @jsxImportSource hono/jsx */
import { raw } from 'hono/html'
import type { Mail } from '../deps.ts'

export type KeptMail = Mail & { from: string; at: string }

export function Mails({ mails }: { mails: KeptMail[] }) {
  return (
    <>
      {raw('<!doctype html>')}
      <html lang="en">
        <head>
          <title>Mails</title>
          <meta name="viewport" content="width=device-width, initial-scale=1" />
          <meta name="color-scheme" content="light dark" />
          <style>
            {raw(
              'body{font:16px/1.5 system-ui;max-width:44rem;margin:2rem auto;padding:0 1rem}pre{white-space:pre-wrap}',
            )}
          </style>
        </head>
        <body>
          <h1>Mails</h1>
          <p>SMTP_URL is not set, so these were kept instead of sent. The newest stands first.</p>
          {mails.length === 0 && <p>None yet: /apitest/sendemail asks for one.</p>}
          {mails.map((mail) => (
            <article>
              <h2>{mail.subject}</h2>
              <p>
                {mail.at} from {mail.from} to {mail.to}
              </p>
              <pre>{mail.text}</pre>
            </article>
          ))}
        </body>
      </html>
    </>
  )
}
