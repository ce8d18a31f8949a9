// Headless Chromium for tests: the one on this machine, driven by playwright-core, gone when the test ends.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chromium, type BrowserContextOptions } from 'playwright-core'
import { PATIENCE_MS } from './until.ts'

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']

/** Each window starts a process for the suggestions below its address bar, which takes 0.6 s of CPU. */
const SUGGESTIONS = 'WebUIOmniboxPopup,WebUIOmniboxAimPopup'
/** What playwright leaves out: of two such lists Chromium takes the last. */
const LEFT_OUT =
  'AvoidUnnecessaryBeforeUnloadCheckSync,DestroyProfileOnBrowserClose,HttpsUpgrades,HttpsFirstBalancedModeAutoEnable,' +
  'LensOverlay,MediaRouter,PaintHolding,OptimizationHints,ThirdPartyStoragePartitioning,AvoidCorsURLLoaderRestartOnRedirect,' +
  'NetworkTimeServiceQuerying,AimEnabled,PreconnectToSearch'

const FLAGS = [
  '--no-sandbox', // root may not have one
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  `--disable-features=${SUGGESTIONS},${LEFT_OUT}`,
]

/** CHROMIUM's path, or the first that is on PATH; undefined if there is none. */
export function findChromium(): string | undefined {
  if (process.env.CHROMIUM) return process.env.CHROMIUM
  return NAMES.map((name) => Bun.which(name)).find((path) => path !== null)
}

/** Starts a browser with an empty profile; `close` ends it and deletes all that it wrote. */
export async function launchChromium(executablePath: string) {
  // Its crash handler and caches write beside the profile, into the home directory.
  const home = await mkdtemp(join(tmpdir(), 'restbun-browser-'))
  const deleteHome = () => rm(home, { recursive: true, force: true, maxRetries: 5 })
  const { XDG_CONFIG_HOME: _config, XDG_CACHE_HOME: _cache, ...environment } = process.env
  const env = { ...environment, HOME: home }
  try {
    const browser = await chromium.launch({ executablePath, args: FLAGS, env })
    return {
      async newContext(options?: BrowserContextOptions) {
        const context = await browser.newContext(options)
        context.setDefaultTimeout(PATIENCE_MS)
        return context
      },
      async close() {
        await browser.close()
        await deleteHome()
      },
    }
  } catch (error) {
    await deleteHome()
    throw error
  }
}
