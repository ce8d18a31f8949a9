// Serves the app of a test on workerd, as a process: what TEST_SERVED_BY names.
import { writeFileSync } from 'node:fs'
import { basename, dirname, join, relative } from 'node:path'
import { bundle } from './bundle.ts'
import { startProcess } from './process.ts'

const WASM = '@phi-ag/argon2/argon2.wasm'
const COMPATIBILITY_DATE = '2026-10-20'
const packages = join(import.meta.dir, 'node_modules')

const entry = await bundle('workerd.ts', {
  external: ['cloudflare:*', WASM],
  conditions: ['workerd'], // postgres.js has a build for it
  define: { 'import.meta.url': '"file:///worker.js"' }, // a module has no URL there, and ioredis comes to ask
})

export function serveElsewhere(env: Record<string, string>) {
  const config = `${entry}.${crypto.randomUUID()}.capnp`
  writeFileSync(config, describe(Object.keys(env), dirname(config)))
  return startProcess([join(packages, 'workerd/bin/workerd'), 'serve', '--control-fd=1', config], {
    ...env,
    PATH: process.env.PATH ?? '',
  })
}

/** A variable of the environment becomes a binding: the settings are the same as everywhere. */
function describe(variables: string[], folder: string): string {
  const bindings = variables.map((name) => `(name = "${name}", fromEnvironment = "${name}")`)
  return `
using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "app", worker = .app),
    (name = "internet", network = (allow = ["public", "private"])),
  ],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "app")],
);
const app :Workerd.Worker = (
  modules = [
    (name = "worker.js", esModule = embed "${basename(entry)}"),
    (name = "${WASM}", wasm = embed "${relative(folder, join(packages, WASM.replace('argon2.wasm', 'dist/argon2.wasm')))}"),
  ],
  compatibilityDate = "${COMPATIBILITY_DATE}",
  bindings = [${bindings.join(', ')}],
);
`
}
