// Holds the style that the API docs add to Swagger UI's: the header and the colours of the other pages.
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
#who { margin: 0.75rem 1.25rem 0; color: var(--muted); font: 0.875rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere }
/* There is one server, no links, and every call can be tried: hide the controls for that. */
.swagger-ui .scheme-container .schemes > .schemes-server-container, .swagger-ui .try-out, .swagger-ui .response-col_links { display: none }
.swagger-ui .info { margin: 1.5rem 0 }
html.dark-mode .swagger-ui .headers :is(.header-col, .header-row) { color: var(--ink) }
/* One button for all calls does, for a bearer token. */
.swagger-ui .scheme-container { margin: 0; padding: 0; background: none; box-shadow: none }
.swagger-ui .authorization__btn { display: none }
`
