// The files of Swagger UI, from its package: nothing is loaded from another host.
import { readFile } from 'node:fs/promises'
import type { Deps } from '../deps.ts'

const FILES = { script: 'swagger-ui-dist/swagger-ui-bundle.js', style: 'swagger-ui-dist/swagger-ui.css' }

export const apiDocsAsset: Deps['apiDocsAsset'] = (name) =>
  readFile(new URL(import.meta.resolve(FILES[name])), 'utf8')
