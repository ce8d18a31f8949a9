// Tells whether a password is among the hundred thousand most common ones, by a list that the kit carries.

let loading: Promise<string> | undefined

/** Whatever its case, and however its characters are composed. Unpacks the list once: some milliseconds. */
export async function isCommonPassword(password: string): Promise<boolean> {
  const list = await (loading ??= unpack())
  return !password.includes('\n') && list.includes(`\n${fold(password)}\n`)
}

/** Maps spellings of one password to one text. */
export const fold = (text: string): string => text.normalize('NFKC').toLowerCase()

async function unpack(): Promise<string> {
  const { gzip } = await import('./common-passwords.json')
  const bytes = Uint8Array.from(atob(gzip), (character) => character.charCodeAt(0))
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'))).text()
}
