// A package registry of a test's own: it serves packed files in npm's protocol, and sends on who asks for other packages.
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'

/** Where npm fetches from by itself. */
const OTHERS = new TextDecoder().decode(Bun.spawnSync(['npm', 'config', 'get', 'registry']).stdout).trim()

/** @param files packages as `npm pack` writes them, the newest last. More can be published later */
export function startRegistry(...files: string[]) {
  const packages = new Map<string, Map<string, { manifest: Record<string, unknown>; file: string }>>()
  const server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    fetch(request) {
      const path = decodeURIComponent(new URL(request.url).pathname).slice(1)
      const [name = '', version] = path.split('/-/')
      const versions = packages.get(name)
      if (versions === undefined) return Response.redirect(`${OTHERS}${path}`)
      if (version !== undefined) return new Response(Bun.file(versions.get(version)?.file ?? ''))
      return Response.json({
        name,
        'dist-tags': { latest: [...versions.keys()].at(-1) },
        versions: Object.fromEntries([...versions].map(([each, { manifest }]) => [each, manifest])),
      })
    },
  })
  const url = server.url.href

  function publish(file: string): void {
    const { stdout } = Bun.spawnSync(['tar', '-xzOf', file, 'package/package.json'])
    const manifest = JSON.parse(stdout.toString()) as { name: string; version: string }
    const { name, version } = manifest
    const bytes = readFileSync(file)
    const hash = (algorithm: string) => createHash(algorithm).update(bytes)
    const integrity = `sha512-${hash('sha512').digest('base64')}`
    const dist = { tarball: `${url}${name}/-/${version}`, integrity, shasum: hash('sha1').digest('hex') }
    const versions =
      packages.get(name) ?? new Map<string, { manifest: Record<string, unknown>; file: string }>()
    packages.set(name, versions.set(version, { manifest: { ...manifest, dist }, file }))
  }

  for (const file of files) publish(file)
  return { url, publish, stop: () => server.stop(true) }
}
