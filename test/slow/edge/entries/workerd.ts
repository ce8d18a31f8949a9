// The app on Cloudflare's workerd. There a connection may not outlive the request that opened it: every request gets
// dependencies of its own.
import { assembleDeps } from '../../../../src/kit/assemble.ts'
import { createSecrets } from '../../../../src/kit/auth/secrets.ts'
import { createConsoleLog } from './console-log.ts'
import { withProduct } from './products.ts'
import { createWasmPasswords } from './wasm-passwords.ts'

type Bindings = Record<string, string>
interface Context {
  waitUntil(work: Promise<unknown>): void
}

const passwords = createWasmPasswords()

// The form that workerd asks for.
// oxlint-disable-next-line import/no-default-export
export default {
  async fetch(request: Request, bindings: Bindings, context: Context): Promise<Response> {
    const { app, close } = openApp(bindings)
    // Cloudflare sets this header itself, whatever a client sends.
    const remoteAddress = request.headers.get('cf-connecting-ip') ?? undefined
    const response = await app.fetch(request, { remoteAddress })
    const { body, sent } = watchBody(response)
    context.waitUntil(sent.then(close))
    return new Response(body, response)
  },
}

/** A stream may still need its database: `sent` resolves when the last of it is on its way, or nobody wants it. */
function watchBody(response: Response): { body: ReadableStream | null; sent: Promise<void> } {
  if (response.body === null) return { body: null, sent: Promise.resolve() }
  const { readable, writable } = new TransformStream()
  return { body: readable, sent: response.body.pipeTo(writable).catch(() => {}) }
}

const openApp = (bindings: Bindings) =>
  withProduct(bindings.TEST_PRODUCT, ({ settings, manifest, createApp }) => {
    const config = settings.load(bindings)
    const { deps, close } = assembleDeps(config, manifest, {
      log: createConsoleLog(config.log.level),
      passwords,
      secrets: createSecrets(config.secretKeys),
      createMailer: () => () =>
        Promise.reject(new Error('mails are sent by the worker, which is a Bun process')),
    })
    return { app: createApp(deps), close }
  })
