// Finds what speaks of a module: the lines that nobody may find once it is removed.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { moduleOf } from '../../../scripts/remove/remove.ts'

/** They tell of what was, or can be. The generator looks at what there is. */
const MAY_TELL =
  /^(CHANGELOG\.md|UPGRADING\.md|src\/TUTORIAL\.md|package-lock\.json|drizzle\/.*|scripts\/(remove|new)(\.ts|\/.*)|test\/(slow|kit\/scripts)\/(remove|rename|upgrade|create|tutorial).*|scripts\/bench\/README\.md)$/
const TEXT = /\.(tsx?|mjs|md|sh|json|conf|yaml|html)$|ignore$|run$|example$/

/** `path:line: text` of each such line in these files. */
export const mentionsIn = (root: string, paths: string[], names: string[]): string[] =>
  paths
    .filter((path) => TEXT.test(path) && !MAY_TELL.test(path) && existsSync(join(root, path)))
    .flatMap((path) =>
      readFileSync(join(root, path), 'utf8')
        .split('\n')
        .map((line, i) => `${path}:${i + 1}: ${line.trim()}`)
        .filter((line) => names.some((name) => moduleOf(name).mentions.test(line))),
    )
