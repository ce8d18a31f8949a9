// Holds the style that the API list adds to that of all pages: its two columns, methods and tables of fields.

export const API_LIST_STYLE = `
html { scroll-behavior: auto } /* the page is long */
body { max-width: 94rem }
.top { padding-bottom: 1.25rem }
.server { display: flex; flex-wrap: wrap; gap: 0.25rem 2rem; margin-top: 0.75rem }
.server dt, .server dd { display: inline }
.server dt { margin-right: 0.375rem }
.server dt, .server time, .intro { color: var(--muted) }
.intro { padding: 1.25rem 0; font-size: 0.875rem }
.intro p { max-width: 62rem; text-wrap: pretty }
.intro p + p { margin-top: 0.5rem }

.page { display: grid; grid-template-columns: 15.5rem minmax(0, 1fr); gap: 0 3rem; border-top: 1px solid var(--line) }
.contents { position: sticky; top: 0; margin-left: -0.25rem; align-self: start; max-height: 100vh; overflow: auto; padding: 1.5rem 0.25rem 2rem; font-size: 0.8125rem }
.contents a { display: flex; gap: 0.625rem; padding: 0.125rem 0; text-decoration: none }
.contents summary { cursor: pointer }
.contents summary::marker { color: var(--muted) }
.contents summary a { display: inline }
.contents > ul > li > a, .contents summary a { font-weight: 650 }
.contents > ul > li + li { margin-top: 0.375rem }
.contents > ul > li > a { margin-left: 1rem }
.contents li ul { margin: 0.25rem 0 0.75rem }
.contents .method { flex: none; width: 3.25rem; color: var(--method); font-size: 0.6875rem; line-height: 1.25rem }
.contents code { color: var(--muted); font-size: 0.75rem; line-height: 1.25rem }
.contents a:hover code, .contents [aria-current] code { color: inherit }
.contents [aria-current] { color: var(--accent) }
.find { display: flex; flex-wrap: wrap; gap: 0.375rem; margin-bottom: 1rem }
.find input { flex: 1; min-width: 0; padding: 0.25rem 0.5rem; border: 1px solid var(--line); border-radius: 4px; background: var(--paper); color: var(--ink); font: 0.8125rem/1.375rem var(--sans) }
.find p { flex-basis: 100% }
.find p:empty { display: none }

h2 code, h2 small { font-size: 0.8125rem; font-weight: 400; letter-spacing: 0; color: var(--muted) }
.fold > summary { cursor: pointer }
.fold > summary h2 { display: inline-flex }
article { padding: 0 }
summary { list-style-position: inside }
article summary {
  display: grid; grid-template-columns: minmax(0, 22rem) minmax(0, 1fr) minmax(0, 12.5rem) 0.75rem; gap: 0 1.25rem; align-items: baseline;
  padding: 0.5rem 0.5rem 0.5rem 0.25rem; cursor: pointer;
}
article summary::after { content: '+'; color: var(--muted); font-family: var(--mono) }
article details[open] > summary::after { content: '\\2212' }
article summary:hover { background: var(--wash) }
article details[open] > summary { background: var(--wash) }
article:has(:target) { box-shadow: -3px 0 var(--accent) }
article:has(:target) summary { padding-left: 0.5rem }
h3 { display: flex; align-items: baseline; gap: 0.75rem; min-width: 0; font-size: 0.875rem; font-weight: 600 }
h3 var { font-style: normal; color: var(--accent) }
h3 .method {
  flex: none; width: 4.125rem; padding: 0.0625rem 0; border-radius: 4px; text-align: center;
  font-size: 0.6875rem; font-weight: 700; line-height: 1.25rem; letter-spacing: 0.02em;
  color: var(--method); background: color-mix(in srgb, var(--method) 10%, transparent);
}
.about { font-size: 0.875rem }
.role { font-size: 0.75rem; color: var(--muted); text-align: right }
.role strong { color: var(--ink); font-weight: 600 }
.method { --method: var(--muted); font-family: var(--mono); font-size: 0.92em }
.method.GET { --method: var(--green) } .method.POST { --method: var(--blue) } .method.PUT { --method: var(--amber) }
.method.PATCH { --method: var(--violet) } .method.DELETE { --method: var(--red) }

.body { display: grid; grid-template-columns: minmax(0, 11fr) minmax(0, 9fr); gap: 1rem 2rem; padding: 0.75rem 0.5rem 2rem; scroll-margin-top: 4rem }
.body > :only-child { grid-column: 1 / -1 }
.links { display: flex; flex-wrap: wrap; gap: 0 1.25rem; font-size: 0.8125rem; color: var(--muted) }
.facts > div { display: grid; grid-template-columns: 4.5rem minmax(0, 1fr); margin-top: 0.625rem; font-size: 0.8125rem; line-height: 1.5rem }
.facts > div > dt { color: var(--muted) }
.fields > div { display: grid; grid-template-columns: 9.5rem minmax(0, 1fr); gap: 0 1rem }
.fields > div + div { border-top: 1px dotted var(--line) }
.fields dt em { font-style: normal; font-size: 0.75rem; color: var(--accent) }
.errors { width: 100%; border-collapse: collapse; font-size: 0.8125rem; line-height: 1.5rem }
.errors td { padding: 0 1rem 0 0; vertical-align: top }
.errors tr + tr { border-top: 1px dotted var(--line) }
.errors td:not(:last-child) { width: 1%; white-space: nowrap }
.errors td:last-child { color: var(--muted) }

.shown { display: grid; gap: 0.75rem; align-content: start }
.code, .result { border: 1px solid var(--line); border-radius: 6px; background: var(--wash); overflow: hidden; font-size: 0.8125rem }
.code > p { display: flex; align-items: center; gap: 0.75rem; padding: 0.25rem 0.75rem; border-bottom: 1px solid var(--line); color: var(--muted) }
.code b { color: var(--ink); font-weight: 600 }
.code label { padding: 0.125rem 0; cursor: pointer }
.code button { margin-left: auto; padding: 0 0.5rem; border-color: var(--line); background: none; font-size: 0.75rem; color: var(--muted) }
.code pre, .result pre { max-height: 26rem; overflow: auto; padding: 0.625rem 0.75rem; line-height: 1.4rem }
[name=language] { position: fixed; top: 0; opacity: 0; pointer-events: none }
:root:has(#as-curl:checked) .client, :root:has(#as-client:checked) .curl { display: none }
:root:has(#as-curl:checked) [for=as-curl], :root:has(#as-client:checked) [for=as-client] { color: var(--ink); box-shadow: 0 2px var(--accent) }
:root:has(#as-curl:focus-visible) [for=as-curl], :root:has(#as-client:focus-visible) [for=as-client] { outline: 2px solid var(--accent) }

button.try { justify-self: start; font-weight: 600 }
form.try { display: grid; gap: 0.5rem; padding-top: 0.25rem }
.try label { display: grid; grid-template-columns: 8rem minmax(0, 1fr); gap: 0.75rem; align-items: baseline; font-size: 0.8125rem }
.try :is(input, textarea) { width: 100%; padding: 0.25rem 0.5rem; border: 1px solid var(--muted); border-radius: 4px; background: var(--paper); color: var(--ink); font: 0.8125rem/1.4rem var(--mono) }
.try label:has(textarea) { display: block }
.try p button:first-child { font-weight: 600 }
.result:empty, .result pre:empty { display: none }
.result > p { padding: 0.375rem 0.75rem; font-weight: 600 }
.result .good { color: var(--green) }
.result pre { border-top: 1px solid var(--line) }
.result .head, .result .sent { color: var(--muted) }

.types { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 22rem), 1fr)); gap: 0 3rem; margin-top: 0.75rem }
.types article { padding: 1rem 0 }
.types .fields { margin-top: 0.5rem; font-size: 0.8125rem; line-height: 1.5rem }
.types .fields > div { grid-template-columns: 7.5rem minmax(0, 1fr) }
section > .errors { margin-top: 0.75rem }

@media (max-width: 76rem) { .body { grid-template-columns: minmax(0, 1fr) } }
@media (max-width: 64rem) {
  article summary { grid-template-columns: minmax(0, 1fr) auto 0.75rem; padding-left: 0.25rem }
  .about { grid-row: 2; grid-column: 1 / -1 }
}
@media (max-width: 56rem) {
  .page { display: block }
  .contents { position: static; max-height: none; padding: 1.25rem 0.25rem 0; font-size: 0.9375rem }
  .contents > ul { display: flex; flex-wrap: wrap; gap: 0.25rem 1.25rem }
  .contents > ul > li + li { margin-top: 0 }
  .contents > ul > li > a { margin: 0 }
  .contents summary { list-style: none; padding: 0.25rem 0 }
  .contents a { padding: 0.25rem 0; text-decoration: underline; text-decoration-color: var(--muted) }
  .contents li ul { display: none }
}
@media (max-width: 36rem) {
  article summary { grid-template-columns: minmax(0, 1fr) 0.75rem; gap: 0.25rem 0.5rem }
  .role { grid-row: 3; text-align: left }
  .body { scroll-margin-top: 7rem }
  .errors tr { display: grid; grid-template-columns: 2.5rem minmax(0, 1fr) }
  .errors td:last-child { grid-column: 2 }
  h3 { gap: 0.5rem }
  h3 .method { width: auto; padding-inline: 0.375rem }
  .facts > div, .try label { display: block }
  .facts .fields > div { display: block; padding: 0.25rem 0 }
  .facts > div > dt { font-weight: 600 }
}
@media print {
  .page { display: block }
  .contents, .links, .try, .code button { display: none }
  details::details-content { content-visibility: visible; block-size: auto }
  .client, .curl { display: block !important }
  article, .fields > div { break-inside: avoid }
  h3 .method { background: none; border: 1px solid }
}
`
