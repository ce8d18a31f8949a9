// What an entry may serve: the project's app, or that of the product which the kit's tests stand on, with the tests' routes.
import { requireRole, type Deps, type Product } from '../../../../src/account/product.ts'
import { createApp } from '../../../../src/app.ts'
import { settings } from '../../../../src/config.ts'
import type { ProductSettings } from '../../../../src/kit/config/settings.ts'
import type { KitConfig } from '../../../../src/kit/config/kit-config.ts'
import type { KitDeps } from '../../../../src/kit/deps.ts'
import type { Manifest } from '../../../../src/kit/assemble.ts'
import type { Fetches } from '../../../../src/kit/process/serve.ts'
import { manifest } from '../../../../src/manifest.ts'
import { createApp as createKitApp, manifest as kitManifest } from '../../../kit/product/app.ts'
import * as kit from '../../../kit/product/product.ts'
import { PROBE, probe } from '../../../kit/support/probe.ts'

interface Served<C extends KitConfig, R extends string, O extends object> {
  settings: ProductSettings<C>
  manifest: Manifest<R, C, O>
  createApp(deps: KitDeps<C, R> & O): Fetches
}

/** Hands over the one that TEST_PRODUCT names. */
export const withProduct = <T>(
  name: string | undefined,
  use: <C extends KitConfig, R extends string, O extends object>(product: Served<C, R, O>) => T,
): T =>
  name === 'kit'
    ? use({
        settings: kit.settings,
        manifest: kitManifest,
        createApp: (deps: kit.Deps) => withProbe(createKitApp(deps), probe(kit.requireRole, 'writer')),
      })
    : use({
        settings,
        manifest,
        createApp: (deps: Deps) => withProbe(createApp(deps), probe<Product>(requireRole, 'editor')),
      })

function withProbe<A extends { route(path: string, slice: S): unknown }, S>(app: A, slice: S): A {
  app.route(PROBE, slice)
  return app
}
