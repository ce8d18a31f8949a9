// Serves the app of a test on Node, as a process: what TEST_SERVED_BY names.
import { bundle } from './bundle.ts'
import { startProcess } from './process.ts'

/** Native code stays outside; argon2 is taken from the project's own packages. */
const entry = await bundle('node.ts', { external: ['@node-rs/argon2'] })

export const serveElsewhere = (env: Record<string, string>) =>
  startProcess(['node', entry], { ...env, PATH: process.env.PATH ?? '' })
