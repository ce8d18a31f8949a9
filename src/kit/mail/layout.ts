// Lays out a mail: HTML that mail clients show as it is meant, and the same as text.
import { html } from 'hono/html'
import type { Mail } from '../types/mail.ts'

export interface Letter {
  to: string
  subject: string
  title: string
  paragraphs: string[]
  action?: { label: string; url: string }
}

/** Values are escaped in the HTML and left as they are in the text. */
export function mailOf({ to, subject, title, paragraphs, action }: Letter): Mail {
  const link = action ? `\n${action.label}:\n${action.url}\n` : ''
  return {
    to,
    subject,
    text: `${title}\n\n${paragraphs.join('\n\n')}\n${link}`,
    html: html`<!doctype html>
      <html lang="en">
        <body>
          <h1>${title}</h1>
          ${paragraphs.map((paragraph) => html`<p>${paragraph}</p>`)}
          ${action && html`<p><a href="${action.url}">${action.label}</a></p>`}
        </body>
      </html>` as string,
  }
}
