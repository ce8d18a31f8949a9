// The page to try the API of the kit's product.
import { apiDocs } from '../../../src/kit/api-docs/routes.tsx'
import { apiDocsSettings } from '../../../src/kit/api-docs/settings.ts'
import type { ConfigFrom } from '../../../src/kit/config/settings.ts'
import { referenceOf } from '../product/app.ts'
import type { Mounted } from '../support/modules.ts'

export const settings = apiDocsSettings

export const mount: Mounted['mount'] = (app, config) => {
  const own = config as typeof config & ConfigFrom<typeof settings>
  app.route('/', apiDocs({ ...referenceOf(app, config), config: own }))
}
