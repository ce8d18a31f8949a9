// Makes what a person typed fit to stand in a mail to somebody else: no bait, no markup, no invisible characters.

const MAX_LENGTH = 60

/** A word that a mail client would make a link of, or that somebody would type into a browser. */
const LINK = /\S*(?:\/\/|@|www\.|\w:\S)\S*/giu

/**
 * Returns the name on one line of at most 60 characters, without control and invisible characters and without links. It
 * may be empty.
 */
export function plainName(typed: string): string {
  const name = typed
    .normalize('NFKC') // a full-width dot or slash makes a link, too
    .replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]/gu, ' ')
    .replaceAll(/[\p{Cf}\p{Co}\p{Cn}\p{Cs}]/gu, '')
    .replaceAll(LINK, '')
    .replaceAll(/([.。])(?=[\p{L}\p{N}])/gu, '$1 ') // `example.com` would be a link; `J. R. Smith` is none
    .replaceAll(/\s+/gu, ' ')
    .trim()
  const characters = Array.from(name)
  return characters.length <= MAX_LENGTH
    ? name
    : `${characters
        .slice(0, MAX_LENGTH - 1)
        .join('')
        .trimEnd()}…`
}
