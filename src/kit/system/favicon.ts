// Holds the site's icon: a bun.

export const FAVICON = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">
<path d="M3 18a13 11 0 0 1 26 0z" fill="#d9924a"/>
<rect x="3" y="20" width="26" height="7" rx="3.5" fill="#b97332"/>
<g stroke="#fff4e0" stroke-width="1.6" stroke-linecap="round"><path d="M11 13l1.6-1M16 11h1.4M21 14l-1.2-1"/></g>
</svg>
`
