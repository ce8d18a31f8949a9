// The URL at which a server on this machine answers.

/** @param config with the `host` that it listens on: all addresses are `localhost` too */
export const localUrl = ({
  host,
  port,
  tls,
}: {
  host: string
  port: number
  tls?: object | undefined
}): string => {
  const name = host === '0.0.0.0' || host === '::' ? 'localhost' : host
  return `${tls ? 'https' : 'http'}://${name.includes(':') ? `[${name}]` : name}:${port}`
}
