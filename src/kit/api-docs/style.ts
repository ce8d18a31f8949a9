// Holds the style that the API docs add to Swagger UI's: the bar on top, and the colours of the other pages.
import { DARK, HEADER_STYLE, LIGHT } from '../pages/style.ts'

export const API_DOCS_STYLE = `
:root {
  color-scheme: light dark;${LIGHT}
}
html.dark-mode {${DARK}
}
body { margin: 0; background: var(--paper) }
${HEADER_STYLE}
.site { margin: 0; padding: 1.25rem 1.25rem 0.75rem; color: var(--ink); font-family: system-ui, sans-serif }
.bar {
  display: flex; flex-wrap: wrap; align-items: center; gap: 0.5rem 1rem; padding: 0.625rem 1.25rem;
  border-bottom: 1px solid var(--line); color: var(--ink); font: 0.875rem/1.5 system-ui, sans-serif;
}
.bar p { margin: 0; overflow-wrap: anywhere }
.bar #who { margin-left: auto; color: var(--muted) }
.bar a { color: inherit }
.bar form { display: flex; flex-wrap: wrap; gap: 0.5rem }
.bar [hidden] { display: none }
.bar input, .bar button {
  padding: 0.25rem 0.625rem; border: 1px solid var(--line); border-radius: 4px;
  background: transparent; color: inherit; font: inherit;
}
.bar button { cursor: pointer; color: var(--accent) }
.bar :focus-visible { outline: 2px solid var(--accent); outline-offset: 1px }
/* There is one server, no links, and every call can be tried: hide the controls for that. */
.swagger-ui .scheme-container .schemes > .schemes-server-container, .swagger-ui .try-out, .swagger-ui .response-col_links { display: none }
.swagger-ui .info { margin: 1.5rem 0 }
html.dark-mode .swagger-ui .headers :is(.header-col, .header-row) { color: var(--ink) }
/* One button for all calls does, for a bearer token. */
.swagger-ui .scheme-container { margin: 0; padding: 0; background: none; box-shadow: none }
.swagger-ui .authorization__btn { display: none }
`
