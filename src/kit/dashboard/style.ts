// Holds the style that the dashboard adds to that of all pages: badges, stats, chart and tables.

export const DASHBOARD_STYLE = `
.bar, .actions { display: flex; flex-wrap: wrap; align-items: center; gap: 0.5rem 1rem }
.bar { justify-content: space-between }
.bar + .bar { margin-top: 0.5rem }
main > .tabs { display: flex; flex-wrap: wrap; gap: 0.25rem 1.25rem; margin-bottom: 1.5rem }
.tabs { font-size: 0.875rem } p.tabs { margin: 0.75rem 0; display: flex; gap: 0 1.25rem }
.tabs a { padding: 0.25rem 0; color: var(--muted); text-decoration: none }
.tabs [aria-current] { color: var(--ink); font-weight: 600; box-shadow: 0 2px var(--accent) }
.filter, .chips { display: flex; flex-wrap: wrap; align-items: end; gap: 0.5rem 1rem; margin: 1rem 0 }
.filter label { display: grid; color: var(--muted); font-size: 0.8125rem }
.filter input, .filter select { padding: 0.25rem 0.5rem; max-width: 16rem; border: 1px solid var(--muted); border-radius: 4px; background: var(--paper); color: var(--ink); font: 0.875rem var(--sans) }
.chips { gap: 0.375rem } .chips [aria-current] { border-color: var(--accent); color: var(--accent) }
td input[type=checkbox] { width: 1.125rem; height: 1.125rem; accent-color: var(--accent) }
main > form > p, main > p { margin: 0.75rem 0 }
.warn { color: var(--amber) }
.good { color: var(--green) }
.badge {
  display: inline-block; padding: 0 0.5rem; border-radius: 4px; white-space: nowrap; vertical-align: 0.1em;
  font-size: 0.8125rem; font-weight: 600; letter-spacing: 0; line-height: 1.375rem;
  background: color-mix(in srgb, currentColor 12%, transparent);
}

.stats {
  display: grid; grid-template-columns: repeat(6, minmax(0, auto)); gap: 1rem 2rem;
  margin-top: 1.5rem; padding: 1.25rem 0; border-block: 1px solid var(--line);
}
.stats > div { display: flex; flex-direction: column }
.stats dt { color: var(--muted); font-size: 0.8125rem }
.stats dd { font-size: 1.875rem; font-weight: 600; line-height: 1.3; letter-spacing: -0.02em; font-variant-numeric: tabular-nums }

figcaption { display: flex; flex-wrap: wrap; gap: 0.25rem 1.5rem; margin: 0.5rem 0 1rem; font-size: 0.8125rem }
.key::before { content: ''; display: inline-block; width: 0.75em; height: 0.75em; margin-right: 0.5em; border-radius: 2px; background: var(--key) }
.key.done { --key: var(--blue) } .key.failed { --key: var(--red) }
.chart { padding: 0.5rem 1rem 0 2.75rem }
svg { display: block; overflow: visible }
svg text { fill: var(--muted); font: 0.75rem var(--sans); font-variant-numeric: tabular-nums }
svg .grid { stroke: var(--line) }
svg .done { fill: var(--blue) }
svg .failed { fill: var(--red) }
svg .reach { fill: transparent }
svg g:hover .reach { fill: var(--wash) }
svg .open { opacity: 0.55 }

section > p { margin-top: 0.5rem }
table { width: 100%; margin-top: 0.75rem; border-collapse: collapse; font-size: 0.875rem }
th { white-space: nowrap; padding: 0.25rem 1.25rem 0.375rem 0; text-align: left; font-size: 0.75rem; font-weight: 400; color: var(--muted) }
td { padding: 0.5rem 1.25rem 0.5rem 0; border-top: 1px solid var(--line); vertical-align: top }
th:last-child, td:last-child { padding-right: 0 }
td:has(form) { width: 1% }
td code { font-size: 0.8125rem }
td time { white-space: nowrap }
td .actions { flex-wrap: nowrap; gap: 0.5rem }
progress { width: 6rem; height: 0.5rem; accent-color: var(--blue); vertical-align: middle }
.pager { display: flex; justify-content: center; gap: 1.5rem; padding-top: 1rem; border-top: 1px solid var(--line) }

@media (min-width: 48.01rem) {
  #dead td:nth-child(1) { width: 26%; min-width: 11rem }
  #dead td:nth-child(3) { white-space: nowrap }
}
@media (max-width: 48rem) {
  .stats { grid-template-columns: repeat(3, minmax(0, 1fr)) }
  table, tbody, tr, td { display: block }
  thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%) }
  tr { padding: 0.625rem 0; border-top: 1px solid var(--line) }
  td, td:has(form) { display: grid; grid-template-columns: 6rem minmax(0, 1fr); gap: 0 1rem; width: auto; padding: 0.1875rem 0; border: 0 }
  td::before { content: attr(data-label); color: var(--muted); font-size: 0.8125rem }
  .chart { padding-left: 2.25rem }
}
@media print { form, .button, .pager { display: none } }
`
