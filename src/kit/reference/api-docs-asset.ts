// Reads the files of Swagger UI from its package: browsers load nothing from another host.
import { readFile } from 'node:fs/promises'
import type { KitDeps } from '../deps.ts'

const FILES = { script: 'swagger-ui-dist/swagger-ui-bundle.js', style: 'swagger-ui-dist/swagger-ui.css' }

export const apiDocsAsset: KitDeps['apiDocsAsset'] = (name) =>
  readFile(new URL(import.meta.resolve(FILES[name])), 'utf8')
