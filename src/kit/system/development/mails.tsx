// Renders the mails that development has kept instead of sending them, each as its reader will see it.
/** @jsxImportSource hono/jsx */
import type { AnyContext } from '../../http/env.ts'
import { HtmlPage } from '../../pages/html-page.tsx'
import type { Mail } from '../../types/mail.ts'

export type KeptMail = Mail & { from: string; at: string }

const STYLE = `
summary { padding: 0.75rem 0; cursor: pointer }
summary strong { font-size: 1.0625rem }
details { border-top: 1px solid var(--line) }
.top + details { margin-top: -1px }
.looks { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 22rem), 1fr)); gap: 1rem; margin: 0.75rem 0 }
iframe { display: block; width: 100%; height: 30rem; border: 1px solid var(--line); border-radius: 4px; resize: vertical }
details pre { margin-bottom: 2rem; padding: 1rem; background: var(--wash); border-radius: 4px }
details dl { display: grid; grid-template-columns: auto 1fr; gap: 0 1rem }
details dt, figcaption { color: var(--muted) }
`

export function Mails({ c, mails }: { c: AnyContext; mails: KeptMail[] }) {
  return (
    <HtmlPage c={c} title="Mails" style={STYLE}>
      <div class="top">
        <h1>Mails</h1>
        <p class="note">
          SMTP_URL is not set, so these mails were kept instead of sent. The newest is first.
        </p>
        {mails.length === 0 && <p>None yet: call /apitest/sendemail to queue one.</p>}
      </div>
      {mails.map((mail, i) => (
        <KeptMailView mail={mail} isOpen={i === 0} />
      ))}
    </HtmlPage>
  )
}

function KeptMailView({ mail, isOpen }: { mail: KeptMail; isOpen: boolean }) {
  const headers = { From: mail.from, To: mail.to, Subject: mail.subject, Date: mail.at }
  return (
    <details open={isOpen}>
      <summary>
        <strong>{mail.subject}</strong> <span class="note">{`to ${mail.to}, ${mail.at}`}</span>
      </summary>
      <dl>
        {Object.entries(headers).map(([name, value]) => (
          <>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </>
        ))}
      </dl>
      <div class="looks">
        {(['light', 'dark'] as const).map((scheme) => (
          <figure>
            <figcaption>{scheme}</figcaption>
            <iframe
              title={`${mail.subject}, ${scheme}`}
              srcdoc={inScheme(mail.html, scheme)}
              sandbox="allow-popups allow-popups-to-escape-sandbox"
              loading="lazy"
              style={`color-scheme: ${scheme}`}
            />
          </figure>
        ))}
      </div>
      <figure>
        <figcaption>plain text</figcaption>
        <pre>{linked(mail.text)}</pre>
      </figure>
    </details>
  )
}

/** A frame follows the browser's colours: this mail is told the others. Its links open in a tab, as from a mail client. */
const inScheme = (html: string, scheme: 'light' | 'dark') =>
  html
    .replace(/^(\s*<!doctype html>)?/i, '$1<base target="_blank">')
    .replaceAll(/\(prefers-color-scheme: (light|dark)\)/g, (_, asked) =>
      asked === scheme ? 'all' : 'not all',
    )

/** A text whose addresses of web pages are links. */
const linked = (text: string) =>
  text.split(/(https?:\/\/[^\s<>"]*[^\s<>".,;:!?)])/).map((part, i) =>
    i % 2 === 1 ? (
      <a href={part} target="_blank" rel="noopener">
        {part}
      </a>
    ) : (
      part
    ),
  )
