// Serves the app of a test behind Caddy: what TEST_SERVED_BY names.
import { startCaddy } from '../../kit/support/proxies.ts'
import { serveBehind } from './behind.ts'

export const serveElsewhere = serveBehind(startCaddy)
