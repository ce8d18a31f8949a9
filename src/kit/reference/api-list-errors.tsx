// Renders the errors of the API list: an endpoint's own, and those of all.
/** @jsxImportSource hono/jsx */
import { errorsOf, type ApiRoute } from '../http/doc.ts'
import { WITHOUT_ROUTE } from '../http/method-not-allowed.ts'
import type { ErrorKind } from '../types/api-error.ts'
import { Fact, Sentence } from './api-list-parts.tsx'

/** Status, code and meaning of each. */
const Errors = ({ kinds }: { kinds: ErrorKind[] }) => (
  <table class="errors">
    {kinds.map(({ status, code, message }) => (
      <tr>
        <td>{status}</td>
        <td>
          <code>{code}</code>
        </td>
        <td>
          <Sentence text={message} />
        </td>
      </tr>
    ))}
  </table>
)

/** An entry of the endpoint's `dl`. @param isBrief only status and code: pages put the meaning into words by themselves */
export function OwnErrors({ route: { errors }, isBrief }: { route: ApiRoute; isBrief: boolean }) {
  if (errors.length === 0) return <></>
  const kinds = errorsOf([{ errors, commonErrors: [] }])
  return (
    <Fact name="Errors">
      {isBrief ? kinds.map(({ status, code }) => `${status} ${code}`).join(', ') : <Errors kinds={kinds} />}
    </Fact>
  )
}

/** Those of the middleware of all routes, and of paths and methods without a route. */
export function CommonErrors({ routes }: { routes: ApiRoute[] }) {
  const common = routes.flatMap(({ commonErrors }) => commonErrors)
  return (
    <section id="errors">
      <h2>Errors</h2>
      <p>Any endpoint may return these, beside those that stand with it.</p>
      <Errors kinds={errorsOf([{ errors: WITHOUT_ROUTE, commonErrors: common }])} />
    </section>
  )
}
