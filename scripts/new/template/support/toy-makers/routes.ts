// Says what a client may set of a toy box.
import { z } from 'zod'

export const NewToyMaker = z.object({ label: z.string() })
