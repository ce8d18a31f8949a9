// Defines the style that all pages share: colours for light, dark and print, fonts, headings, links.

export const LIGHT = `
  --paper: #fdfcfa; --ink: #22201d; --muted: #686157; --line: #e6e1d8; --wash: #f5f1ea; --accent: #8f4f12;
  --green: #0b6a4f; --blue: #1a5aa6; --amber: #815300; --violet: #6b3fa5; --red: #ad2419;`

export const DARK = `
  --paper: #171614; --ink: #e8e4dc; --muted: #a49c8f; --line: #322f2a; --wash: #211f1c; --accent: #e5a767;
  --green: #62cba4; --blue: #82b4f2; --amber: #e0b252; --violet: #c2a0f0; --red: #f58d81;`

export const PAGE_STYLE = `
:root {
  color-scheme: light dark;${LIGHT}
  --sans: system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', 'DejaVu Sans', sans-serif;
  --mono: ui-monospace, 'SF Mono', 'Cascadia Code', Menlo, Consolas, 'DejaVu Sans Mono', monospace;
}
@media (prefers-color-scheme: dark) {
  :root {${DARK}
  }
}
* { box-sizing: border-box; margin: 0 }
html { scroll-behavior: smooth; scroll-padding-top: 1.5rem; -webkit-text-size-adjust: 100% }
@media (prefers-reduced-motion: reduce) { html { scroll-behavior: auto } }
body {
  max-width: 74rem; margin: 0 auto; padding: 3rem 2rem 5rem;
  background: var(--paper); color: var(--ink); font: 0.9375rem/1.55 var(--sans); overflow-wrap: anywhere;
}
code, pre { font-family: var(--mono); font-size: 0.92em; unicode-bidi: isolate }
pre { white-space: pre-wrap }
a { color: inherit; text-decoration-color: var(--muted); text-underline-offset: 0.22em; text-decoration-thickness: 1px }
a:hover { color: var(--accent); text-decoration-color: currentColor }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 3px; border-radius: 2px }
ul { padding: 0; list-style: none }

.top { padding-bottom: 2rem; border-bottom: 1px solid var(--line) }
h1 { font-size: 2rem; line-height: 1.2; font-weight: 650; letter-spacing: -0.02em }
h1 small { font-size: 1rem; font-weight: 400; letter-spacing: 0; color: var(--muted) }
section { padding-top: 2.25rem }
h2 { display: flex; flex-wrap: wrap; align-items: baseline; gap: 0 0.75rem; font-size: 1.3125rem; font-weight: 650; letter-spacing: -0.01em }
h2 + p, .note { color: var(--muted) }
article { padding: 1.125rem 0 1.25rem; border-top: 1px solid var(--line) }
h2 + article, h2 + p + article { margin-top: 0.75rem }

@media (max-width: 56rem) { body { padding: 2rem 1.25rem 3rem } }
@media print {
  :root {
    color-scheme: light;
    --paper: #fff; --ink: #000; --muted: #555; --line: #ccc; --wash: #fff; --accent: #000;
    --green: #000; --blue: #000; --amber: #000; --violet: #000; --red: #000;
  }
  html { font-size: 80% }
  body { max-width: none; padding: 0 }
  h2, h3 { break-after: avoid }
  a { text-decoration: none }
}
`
