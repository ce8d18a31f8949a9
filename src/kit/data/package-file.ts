// Reads a file of an installed package, for pages that may load nothing from another host.
import { readFile } from 'node:fs/promises'

/** @param path the name of the package, and the file in it */
export const packageFile = (path: string): Promise<string> =>
  readFile(new URL(import.meta.resolve(path)), 'utf8')
