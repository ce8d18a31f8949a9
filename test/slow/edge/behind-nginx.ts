// Serves the app of a test behind nginx: what TEST_SERVED_BY names.
import { startNginx } from '../../kit/support/proxies.ts'
import { serveBehind } from './behind.ts'

export const serveElsewhere = serveBehind(startNginx)
