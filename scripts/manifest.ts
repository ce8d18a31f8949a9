// Reads the package.json of a checkout.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

export interface Manifest {
  name: string
  version: string
  scripts: Record<string, string>
  dependencies: Record<string, string>
  devDependencies: Record<string, string>
  /** In a project: which modules `npm create` or `npm run remove` have taken out. */
  restbun?: { removed?: string[] }
  [entry: string]: unknown
}

export const readManifest = (root: string) =>
  JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Manifest
