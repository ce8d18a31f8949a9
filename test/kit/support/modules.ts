// What the modules bring to the kit's product, each in a `mounted.ts` among its tests: one that was removed is not missed.
import { join } from 'node:path'
import type { Opening } from '../../../src/kit/assemble.ts'
import type { Setting } from '../../../src/kit/config/setting.ts'
import type { createApp } from '../product/app.ts'
import type { Config } from '../product/product.ts'

export interface Mounted {
  settings?: Record<string, Setting>
  open?(this: void, ...opening: Opening): object
  mount(app: ReturnType<typeof createApp>, config: Config): void
}

const FOLDER = join(import.meta.dir, '..')
const paths = [...new Bun.Glob('*/mounted.ts').scanSync(FOLDER)].toSorted()

export const modules: Mounted[] = await Promise.all(paths.map((path) => import(join(FOLDER, path))))
