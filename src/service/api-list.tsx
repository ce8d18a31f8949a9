// Placeholder until the page is written.
import type { Config } from '../config.ts'
import type { ApiRoute } from '../web/doc.ts'

export function ApiList(props: { config: Config; startedAt: number; routes: ApiRoute[] }) {
  return <pre>{props.routes.map((r) => `${r.method} ${r.path}\n`)}</pre>
}
