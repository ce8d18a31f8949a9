// The style sheet of the API list: light, dark, narrow and on paper.

export const STYLE = `
:root {
  color-scheme: light dark;
  --paper: #fdfcfa; --ink: #22201d; --muted: #686157; --line: #e6e1d8; --wash: #f5f1ea; --accent: #8f4f12;
  --get: #0b6a4f; --post: #1a5aa6; --put: #815300; --patch: #6b3fa5; --delete: #ad2419;
  --sans: system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', 'DejaVu Sans', sans-serif;
  --mono: ui-monospace, 'SF Mono', 'Cascadia Code', Menlo, Consolas, 'DejaVu Sans Mono', monospace;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #171614; --ink: #e8e4dc; --muted: #a49c8f; --line: #322f2a; --wash: #211f1c; --accent: #e5a767;
    --get: #62cba4; --post: #82b4f2; --put: #e0b252; --patch: #c2a0f0; --delete: #f58d81;
  }
}
* { box-sizing: border-box; margin: 0 }
html { scroll-behavior: smooth; scroll-padding-top: 1.5rem; -webkit-text-size-adjust: 100% }
@media (prefers-reduced-motion: reduce) { html { scroll-behavior: auto } }
body {
  max-width: 74rem; margin: 0 auto; padding: 3rem 2rem 5rem;
  background: var(--paper); color: var(--ink); font: 0.9375rem/1.55 var(--sans); overflow-wrap: anywhere;
}
code, .method { font-family: var(--mono); font-size: 0.92em }
a { color: inherit; text-decoration-color: var(--muted); text-underline-offset: 0.22em; text-decoration-thickness: 1px }
a:hover { color: var(--accent); text-decoration-color: currentColor }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 3px; border-radius: 2px }
ul { padding: 0; list-style: none }

.top { padding-bottom: 2rem; border-bottom: 1px solid var(--line) }
h1 { font-size: 2rem; line-height: 1.2; font-weight: 650; letter-spacing: -0.02em }
h1 small { font-size: 1rem; font-weight: 400; letter-spacing: 0; color: var(--muted) }
.server { display: flex; flex-wrap: wrap; gap: 0.25rem 2rem; margin: 0.75rem 0 1.25rem }
.server dt, .server dd { display: inline }
.server dt { margin-right: 0.375rem }
.server dt, .server time { color: var(--muted) }
.top p { max-width: 54rem; text-wrap: pretty }
.top p + p { margin-top: 0.5rem }

.page { display: grid; grid-template-columns: 15.5rem minmax(0, 1fr); gap: 0 3.5rem }
nav { position: sticky; top: 0; margin-left: -0.25rem; align-self: start; max-height: 100vh; overflow: auto; padding: 2.25rem 0.25rem 2rem; font-size: 0.8125rem }
nav a { display: flex; gap: 0.625rem; padding: 0.125rem 0; text-decoration: none }
nav > ul > li > a { font-weight: 650 }
nav > ul > li + li { margin-top: 1rem }
nav .method { flex: none; width: 3.25rem; color: var(--method); font-size: 0.6875rem; line-height: 1.25rem }
nav code { color: var(--muted); font-size: 0.75rem; line-height: 1.25rem }
nav a:hover code { color: inherit }

section { padding-top: 2.25rem }
h2 { display: flex; flex-wrap: wrap; align-items: baseline; gap: 0 0.75rem; font-size: 1.3125rem; font-weight: 650; letter-spacing: -0.01em }
h2 code { font-size: 0.8125rem; font-weight: 400; letter-spacing: 0; color: var(--muted) }
h2 + p { color: var(--muted) }
article { padding: 1.125rem 0 1.25rem; border-top: 1px solid var(--line) }
h2 + article, h2 + p + article { margin-top: 0.75rem }
article:target { margin-inline: -1rem; padding-inline: 1rem; background: var(--wash); border-radius: 4px }
article header { display: flex; flex-wrap: wrap; justify-content: space-between; align-items: baseline; gap: 0 1rem }
h3 { display: flex; align-items: baseline; gap: 0.75rem; min-width: 0; font-size: 1rem; font-weight: 600 }
h3 code { font-size: 0.9375rem }
h3 var { font-style: normal; color: var(--accent) }
h3 .method {
  flex: none; min-width: 4.125rem; padding: 0.125rem 0.375rem; border-radius: 4px; text-align: center;
  font-size: 0.75rem; font-weight: 700; line-height: 1.25rem; letter-spacing: 0.02em;
  color: var(--method); background: color-mix(in srgb, var(--method) 10%, transparent);
}
.self { padding: 0 0.25rem; color: var(--muted); font-weight: 400; text-decoration: none }
@media (hover: hover) { .self { opacity: 0 } article:hover .self, .self:focus-visible { opacity: 1 } }
.role { font-size: 0.8125rem; color: var(--muted) }
.role strong { color: var(--ink); font-weight: 600 }
.method { --method: var(--muted) }
.method.GET { --method: var(--get) } .method.POST { --method: var(--post) } .method.PUT { --method: var(--put) }
.method.PATCH { --method: var(--patch) } .method.DELETE { --method: var(--delete) }

.facts, article > p { margin-left: 4.875rem }
article > p { margin-top: 0.125rem }
.facts > div { display: grid; grid-template-columns: 4.5rem minmax(0, 1fr); margin-top: 0.625rem; font-size: 0.8125rem; line-height: 1.5rem }
.facts > div > dt { color: var(--muted) }
.fields > div { display: grid; grid-template-columns: 9.5rem minmax(0, 1fr); gap: 0 1rem }
.fields > div + div { border-top: 1px dotted var(--line) }
.fields dt em { font-style: normal; font-size: 0.75rem; color: var(--accent) }
.note { color: var(--muted) }

.types { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 20rem), 1fr)); gap: 0 3rem; margin-top: 0.75rem }
.types .fields { margin-top: 0.5rem; font-size: 0.8125rem; line-height: 1.5rem }
.types .fields > div { grid-template-columns: 7.5rem minmax(0, 1fr) }

@media (max-width: 56rem) {
  body { padding: 2rem 1.25rem 3rem }
  .page { display: block }
  nav { position: static; max-height: none; padding: 1.25rem 0.25rem 0; font-size: 0.9375rem }
  nav > ul { display: flex; flex-wrap: wrap; gap: 0.25rem 1.25rem }
  nav > ul > li + li { margin-top: 0 }
  nav a { padding: 0.25rem 0; text-decoration: underline; text-decoration-color: var(--muted) }
  nav li ul { display: none }
}
@media (max-width: 36rem) {
  .facts, article > p { margin-left: 0 }
  article > p { margin-top: 0.375rem }
  h3 { gap: 0.5rem }
  h3 .method { min-width: 0 }
  .facts > div { display: block }
  .facts .fields > div { display: block; padding: 0.25rem 0 }
  .facts > div > dt { font-weight: 600 }
}
@media print {
  :root {
    color-scheme: light;
    --paper: #fff; --ink: #000; --muted: #555; --line: #ccc; --wash: #fff; --accent: #000;
    --get: #000; --post: #000; --put: #000; --patch: #000; --delete: #000;
  }
  html { font-size: 80% }
  body { max-width: none; padding: 0 }
  .page { display: block }
  nav, .self { display: none }
  article, .fields > div { break-inside: avoid }
  h2, h3 { break-after: avoid }
  a { text-decoration: none }
  h3 .method { background: none; border: 1px solid }
}
`
