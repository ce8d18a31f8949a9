// Says what a client may set of a toy box.
import { z } from 'zod'

export const NewToyBox = z.object({ label: z.string() })
