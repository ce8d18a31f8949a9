// `npm run dev`: like `npm start`, and an edit shows on the next request.
import { start } from './start.ts'

await start({ hot: true })
