// Serves the OpenAPI document, which is made at its first view, when every slice has been added.
import type { KitConfig } from '../config/kit-config.ts'
import { doc, type ApiRoute } from '../http/doc.ts'
import { appFactory } from '../http/factory.ts'
import { cookieName } from '../http/session-cookies.ts'
import { openApi, type ApiInfo } from './openapi.ts'

/** What every description of the API is made from. */
export interface Reference extends Pick<ApiInfo, 'description' | 'license' | 'groups' | 'webhookBodies'> {
  config: KitConfig
  routes: () => ApiRoute[]
}

export function openApiDocument({ config: { name, version, cookie }, routes, ...about }: Reference) {
  let document: string | undefined
  return appFactory()
    .createApp()
    .get(
      '/api/openapi.json',
      doc('Returns the OpenAPI document, which describes this API for programs.', 'application/json'),
      (c) => {
        document ??= JSON.stringify(
          openApi(routes(), { title: `${name} API`, version, cookie: cookieName(cookie), ...about }),
        )
        return c.body(document, 200, { 'Content-Type': 'application/json' })
      },
    )
}
