// What CHANGELOG.md and UPGRADING.md say of a release: the section under its version.

/** The sections of a page by version, in its order; "Unreleased" and what stands above are none. */
function sectionsOf(page: string): [version: string, text: string][] {
  return page
    .split(/^## /m)
    .slice(1)
    .flatMap((section) => {
      const [, version] = /^v?(\d+\.\d+\.\d+\S*)/.exec(section) ?? []
      return version === undefined ? [] : [[version, `## ${section.trim()}`]]
    })
}

/** Undefined if the page has no section of that version. */
export const notesOf = (page: string, version: string): string | undefined =>
  sectionsOf(page).find(([each]) => each === version)?.[1]

/** What the page says of the versions after one and up to another. */
export function notesBetween(page: string, after: string, upTo: string): string {
  return sectionsOf(page)
    .filter(([version]) => Bun.semver.order(version, after) > 0 && Bun.semver.order(version, upTo) <= 0)
    .map(([, text]) => text)
    .join('\n\n')
}

/** Lines of a changelog's section that begin with "Security:". `npm run doctor` shows those of later releases. */
export function securityNotes(changelog: string, version: string): string[] {
  const section = notesOf(changelog, version) ?? ''
  return [...section.matchAll(/^- Security: ([^]*?)(?=\n- |\n\n|$(?![^]))/gm)].map(([, note = '']) =>
    note.replaceAll(/\s+/g, ' ').trim(),
  )
}
