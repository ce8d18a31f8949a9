// `npm run dev`: like `npm start`, and an edit shows on the next request; with `--test` the tests that it concerns run too.
import { takeArguments } from './command.ts'
import { testOnChange } from './dev/test-on-change.ts'
import { start } from './start.ts'

const USAGE = `Usage: npm run dev [-- --test]   settings come from the environment or .env: PORT=8101 npm run dev
  --test   after each edit below src or test, the tests that what is not committed concerns`

const { values } = takeArguments(USAGE, { test: { type: 'boolean', default: false } })
if (values.test) testOnChange()
await start({ hot: true })
