// Renders the mails that development has kept instead of sending them.
/** @jsxImportSource hono/jsx */
import { HtmlPage } from '../../http/html-page.tsx'
import type { Mail } from '../../types/mail.ts'

export type KeptMail = Mail & { from: string; at: string }

export function Mails({ mails }: { mails: KeptMail[] }) {
  return (
    <HtmlPage title="Mails">
      <header class="top">
        <h1>Mails</h1>
        <p>SMTP_URL is not set, so these mails were kept instead of sent. The newest is first.</p>
        {mails.length === 0 && <p>None yet: call /apitest/sendemail to queue one.</p>}
      </header>
      {mails.map((mail) => (
        <article>
          <h2>{mail.subject}</h2>
          <p class="note">
            {mail.at} from {mail.from} to {mail.to}
          </p>
          <pre>{mail.text}</pre>
        </article>
      ))}
    </HtmlPage>
  )
}
