// Sessions from the command line: ends the time in which the session's cookie may go by its old name.
import { isOldName, OLD_COOKIE_RETIRED } from '../src/kit/http/session-cookies.ts'
import { oneOf, readArguments, runCommand } from './command.ts'
import { withDeps } from './with-deps.ts'

const USAGE = `Usage: npm run sessions -- retire-old-cookie
       npm run sessions -- accept-old-cookie       (undoes it: before an older release runs again)
Over HTTPS the session's cookie is named __Host-session, which no sibling domain can set, and it was named session before.
Until the first command both names count. From then on the old one counts for logins from before only, until SESSION_DAYS
later. Call it once no older release runs or comes back: logins there set the old name.`

await runCommand(USAGE, () => {
  const command = oneOf(
    readArguments({}, 1).positionals[0],
    ['retire-old-cookie', 'accept-old-cookie'],
    'command',
  )
  return withDeps({ logLevel: 'silent', migrates: false }, async ({ deps: { config, store } }) => {
    if (command === 'accept-old-cookie') {
      await store.delete(OLD_COOKIE_RETIRED)
      console.log('logins under both names count')
      return
    }
    if (!isOldName('session', config.cookie))
      throw new Error('The cookie is named session here: it takes COOKIE_SECURE=on, and no COOKIE_DOMAIN')
    // A second call must not admit logins from after the first.
    const at = await store.get(OLD_COOKIE_RETIRED, Date.now())
    await store.set(OLD_COOKIE_RETIRED, at)
    console.log(`under the old name only logins from before ${new Date(at).toISOString()} count`)
  })
})
