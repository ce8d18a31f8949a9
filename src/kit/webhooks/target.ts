// Says where a URL of somebody else may lead, as far as the URL itself tells: how it is written, and its port.

/** HTTPS's own, and those that need no privileges: not one of mail, files or shells. */
const isPort = (port: string) => port === '' || Number(port) >= 1024

/**
 * What is wrong with it, to be said behind its name; undefined if it may be tried. What its name resolves to is asked at each request.
 * @param toPrivate on a developer's machine and in tests: http, and any port
 */
export function faultOfTarget(text: string, { toPrivate }: { toPrivate: boolean }): string | undefined {
  if (!URL.canParse(text)) return 'must be a URL'
  const { protocol, username, password, port, hash } = new URL(text)
  if (protocol !== 'https:' && !(toPrivate && protocol === 'http:')) return 'must begin with https://'
  if (username !== '' || password !== '') return 'must hold no user and no password'
  if (hash !== '') return 'must hold no #'
  if (!toPrivate && !isPort(port)) return 'must have the port 443, or one from 1024'
  return undefined
}
