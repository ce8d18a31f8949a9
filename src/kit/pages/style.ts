// Defines the style that all pages share: colours for light, dark and print, the header, headings, links, buttons, forms.

export const LIGHT = `
  --paper: #fdfcfa; --ink: #22201d; --muted: #686157; --line: #e6e1d8; --wash: #f5f1ea; --accent: #8f4f12;
  --green: #0b6a4f; --blue: #1a5aa6; --amber: #815300; --violet: #6b3fa5; --red: #ad2419;`

export const DARK = `
  --paper: #171614; --ink: #e8e4dc; --muted: #a49c8f; --line: #322f2a; --wash: #211f1c; --accent: #e5a767;
  --green: #62cba4; --blue: #82b4f2; --amber: #e0b252; --violet: #c2a0f0; --red: #f58d81;`

/** Of the header; it needs the colours, and nothing else of the other styles. */
export const HEADER_STYLE = `
.site { margin-bottom: 2.5rem; padding-bottom: 0.75rem; border-bottom: 1px solid var(--line); font-size: 0.875rem; line-height: 1.5 }
.site nav { display: flex; flex-wrap: wrap; align-items: baseline; gap: 0.25rem clamp(0.75rem, 2vw, 1.25rem) }
.site ul { display: contents; list-style: none }
.site strong { font-weight: 650 }
.site a, .site .plain { display: inline-block; padding: 0.25rem 0; color: var(--muted); text-decoration: none }
.site a:hover, .site .plain:hover { color: var(--accent); text-decoration: underline }
.site [aria-current] { color: var(--ink); font-weight: 600; box-shadow: 0 2px var(--accent) }
.site .plain { border: 0; border-radius: 0; background: none; font: inherit; cursor: pointer }
.site .skip:not(:focus) { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%) }
@media print { .site { display: none } }
`

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
[hidden] { display: none !important }
html { scroll-behavior: smooth; scroll-padding-top: 1.5rem; -webkit-text-size-adjust: 100% }
@media (prefers-reduced-motion: reduce) { html { scroll-behavior: auto } }
body {
  max-width: 74rem; margin: 0 auto; padding: 1.25rem 2rem 5rem;
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

.bad { color: var(--red) }
.notice {
  position: sticky; top: 0.5rem; z-index: 1; margin-top: 1.25rem; padding: 0.625rem 1rem; border-radius: 4px;
  background: var(--wash); border: 1px solid var(--line); border-left: 4px solid var(--accent);
}
.notice.bad { position: static; border-left-color: var(--red) }

button, .button {
  display: inline-block; padding: 0.1875rem 0.75rem; border: 1px solid var(--muted); border-radius: 4px;
  background: var(--paper); color: var(--ink); font: 0.8125rem/1.5rem var(--sans); white-space: nowrap;
  text-decoration: none; cursor: pointer;
}
button:hover, .button:hover { border-color: var(--accent); color: var(--accent) }
button.danger { border-color: var(--red); color: var(--red) }
button.danger:hover { background: var(--red); color: var(--paper) }

.record { margin: 1.25rem 0 1.5rem; border-bottom: 1px solid var(--line) }
.record > div { display: grid; grid-template-columns: 7rem minmax(0, 1fr) auto; gap: 0 1rem; padding: 0.5rem 0; border-top: 1px solid var(--line) }
.record dt { color: var(--muted) }

.shell { max-width: 26rem; margin: 6vh auto 0 }
.shell > * + * { margin-top: 0.75rem }
.form { display: grid; gap: 1.125rem; margin-top: 1.5rem }
.form label { font-weight: 600 }
.form p { font-size: 0.875rem }
.form input:not([type=checkbox]), .form select {
  width: 100%; margin-top: 0.25rem; padding: 0.5rem 0.75rem; border: 1px solid var(--muted); border-radius: 4px;
  background: var(--paper); color: var(--ink); font: 1rem var(--sans);
}
.form [aria-invalid] { border-color: var(--red); box-shadow: inset 0 0 0 1px var(--red) }
.form .box { display: flex; align-items: center; gap: 0.625rem }
.form .box label { font-weight: 400 }
.form .box input { width: 1.125rem; height: 1.125rem; accent-color: var(--accent) }
.form button { padding-block: 0.5rem; font-size: 0.9375rem; font-weight: 600; background: var(--ink); color: var(--paper); border-color: var(--ink) }
.form button:hover { background: var(--accent); border-color: var(--accent); color: var(--paper) }

@media (max-width: 30rem) {
  .record > div { grid-template-columns: minmax(0, 1fr) auto }
  .record dt { grid-column: 1 / -1 }
}
@media (max-width: 56rem) { body { padding: 0.75rem 1.25rem 3rem } .site { margin-bottom: 1.75rem } }
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
${HEADER_STYLE}`
