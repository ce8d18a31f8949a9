// Holds the style that the API list adds to that of all pages: its two columns, methods and tables of fields.

export const API_LIST_STYLE = `
.server { display: flex; flex-wrap: wrap; gap: 0.25rem 2rem; margin: 0.75rem 0 1.25rem }
.server dt, .server dd { display: inline }
.server dt { margin-right: 0.375rem }
.server dt, .server time { color: var(--muted) }
.top p { max-width: 54rem; text-wrap: pretty }
.top p + p { margin-top: 0.5rem }

.page { display: grid; grid-template-columns: 15.5rem minmax(0, 1fr); gap: 0 3.5rem }
.contents { position: sticky; top: 0; margin-left: -0.25rem; align-self: start; max-height: 100vh; overflow: auto; padding: 2.25rem 0.25rem 2rem; font-size: 0.8125rem }
.contents a { display: flex; gap: 0.625rem; padding: 0.125rem 0; text-decoration: none }
.contents > ul > li > a { font-weight: 650 }
.contents > ul > li + li { margin-top: 1rem }
.contents .method { flex: none; width: 3.25rem; color: var(--method); font-size: 0.6875rem; line-height: 1.25rem }
.contents code { color: var(--muted); font-size: 0.75rem; line-height: 1.25rem }
.contents a:hover code { color: inherit }

h2 code { font-size: 0.8125rem; font-weight: 400; letter-spacing: 0; color: var(--muted) }
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
.method { --method: var(--muted); font-family: var(--mono); font-size: 0.92em }
.method.GET { --method: var(--green) } .method.POST { --method: var(--blue) } .method.PUT { --method: var(--amber) }
.method.PATCH { --method: var(--violet) } .method.DELETE { --method: var(--red) }

.facts, article > p { margin-left: 4.875rem }
article > p { margin-top: 0.125rem }
.facts > div { display: grid; grid-template-columns: 4.5rem minmax(0, 1fr); margin-top: 0.625rem; font-size: 0.8125rem; line-height: 1.5rem }
.facts > div > dt { color: var(--muted) }
.fields > div { display: grid; grid-template-columns: 9.5rem minmax(0, 1fr); gap: 0 1rem }
.fields > div + div { border-top: 1px dotted var(--line) }
.errors > div { grid-template-columns: 15rem minmax(0, 1fr) }
.fields dt em { font-style: normal; font-size: 0.75rem; color: var(--accent) }

.types { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 20rem), 1fr)); gap: 0 3rem; margin-top: 0.75rem }
.types .fields, section > .errors { margin-top: 0.5rem; font-size: 0.8125rem; line-height: 1.5rem }
.types .fields > div { grid-template-columns: 7.5rem minmax(0, 1fr) }

@media (max-width: 56rem) {
  .page { display: block }
  .contents { position: static; max-height: none; padding: 1.25rem 0.25rem 0; font-size: 0.9375rem }
  .contents > ul { display: flex; flex-wrap: wrap; gap: 0.25rem 1.25rem }
  .contents > ul > li + li { margin-top: 0 }
  .contents a { padding: 0.25rem 0; text-decoration: underline; text-decoration-color: var(--muted) }
  .contents li ul { display: none }
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
  .page { display: block }
  .contents, .self { display: none }
  article, .fields > div { break-inside: avoid }
  h3 .method { background: none; border: 1px solid }
}
`
