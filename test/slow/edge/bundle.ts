// One file of an entry and all that it imports, as a runtime other than Bun wants it.
import { join } from 'node:path'

/** Beside the peers, so that what stays external is found from there. */
const BUILT = join(import.meta.dir, 'node_modules', '.built')

/** @returns the path of the bundle */
export async function bundle(
  entry: string,
  options: Pick<Bun.BuildConfig, 'external' | 'conditions' | 'define'>,
): Promise<string> {
  const { outputs } = await Bun.build({
    entrypoints: [join(import.meta.dir, 'entries', entry)],
    outdir: join(BUILT, String(process.pid)),
    target: 'node',
    ...options,
  })
  const [output] = outputs
  if (output === undefined) throw new Error(`the bundle of ${entry} is empty`)
  return output.path
}
