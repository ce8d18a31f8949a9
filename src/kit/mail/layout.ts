// Lays out mails: one content, as HTML that mail clients keep, and as text.
import { html, raw } from 'hono/html'
import type { HtmlEscapedString } from 'hono/utils/html'
import type { Mail } from '../types/mail.ts'

/** All texts are plain; whatever a person typed that somebody else may read goes through `plainName` first. */
export interface MailContent {
  to: string
  subject: string
  /** The name of the service, at the bottom. */
  service: string
  /** The heading. */
  title: string
  /** Above the button. */
  paragraphs: string[]
  /** The one thing to do. */
  action?: { label: string; url: string }
  /** Below the button, in small print: how long it holds, and what to do if one has not asked for it. */
  notes?: string[]
}

/** Some clients drop the style sheet, so the light colours stand at each element; the dark ones need the sheet. */
const DARK = `
@media (prefers-color-scheme: dark) {
  .body { background: #171614 !important }
  .card { background: #211f1c !important; border-color: #322f2a !important }
  .ink { color: #e8e4dc !important }
  .muted { color: #a49c8f !important }
  .action { background: #e5a767 !important }
  .label { color: #171614 !important }
}`

const FONT = "font-family: system-ui, -apple-system, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif;"
const TEXT = `${FONT} margin: 0 0 16px; font-size: 16px; line-height: 1.5; color: #22201d;`
const SMALL = `${FONT} margin: 0 0 8px; font-size: 13px; line-height: 1.5; color: #686157;`

/** Loads nothing from anywhere. Values are escaped in the HTML and left as they are in the text. */
export const mailOf = ({ to, subject, ...content }: MailContent): Mail => ({
  to,
  subject,
  text: textOf(content),
  html: (htmlOf(content) as HtmlEscapedString).toString(), // it would be a promise if a value were one
})

type Body = Omit<MailContent, 'to' | 'subject'>

function textOf({ service, title, paragraphs, action, notes = [] }: Body): string {
  const parts = [title, ...paragraphs, ...(action ? [`${action.label}:\n${action.url}`] : []), ...notes]
  return `${parts.join('\n\n')}\n\n-- \n${service}\n`
}

// Tables, because some clients know no other layout; the button is a cell, because they drop the padding of links.
const htmlOf = ({ service, title, paragraphs, action, notes = [] }: Body) =>
  html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta name="supported-color-schemes" content="light dark" />
        <title>${title}</title>
        <style>
          :root { color-scheme: light dark }${raw(DARK)}
        </style>
      </head>
      <body class="body" style="margin: 0; padding: 0; background: #f5f1ea;">
        <table
          role="presentation"
          class="body"
          width="100%"
          cellpadding="0"
          cellspacing="0"
          style="background: #f5f1ea;"
        >
          <tr>
            <td align="center" style="padding: 24px 12px;">
              <table
                role="presentation"
                class="card"
                width="100%"
                cellpadding="0"
                cellspacing="0"
                style="max-width: 560px; background: #fdfcfa; border: 1px solid #e6e1d8; border-radius: 8px;"
              >
                <tr>
                  <td style="padding: 32px 28px 20px; overflow-wrap: anywhere; word-break: break-word;">
                    <h1
                      class="ink"
                      style="${FONT} margin: 0 0 16px; font-size: 22px; line-height: 1.3; font-weight: 650; color: #22201d;"
                    >
                      ${title}
                    </h1>
                    ${paragraphs.map((text) => html`<p class="ink" style="${TEXT}">${text}</p> `)}${action ? button(action) : ''}${notes.map((text) => html`<p class="muted" style="${SMALL}">${text}</p> `)}
                  </td>
                </tr>
              </table>
              <p class="muted" style="${SMALL} padding-top: 16px;">${service}</p>
            </td>
          </tr>
        </table>
      </body>
    </html> `

const button = ({ label, url }: { label: string; url: string }) =>
  html`<table role="presentation" cellpadding="0" cellspacing="0" style="margin: 8px 0 20px;">
      <tr>
        <td class="action" style="background: #8f4f12; border-radius: 6px;">
          <a
            class="label"
            href="${url}"
            style="${FONT} display: inline-block; padding: 12px 22px; font-size: 16px; font-weight: 600; color: #fdfcfa; text-decoration: none;"
            >${label}</a
          >
        </td>
      </tr>
    </table>
    <p class="muted" style="${SMALL}">
      If the button does not work, open this address:<br /><a
        class="muted"
        href="${url}"
        style="color: #686157;"
        >${url}</a
      >
    </p> `
