// Defines the input that clients send about passkeys.
import { z } from 'zod'
import { Login, NewAccessToken } from '../account/schema.ts'
import { Assertion, Attestation } from '../kit/passkeys/schema.ts'

/** For its owner, of the form that the name of a token has. */
const name = NewAccessToken.shape.name.describe('For me: which device has it.')

export const NewPasskey = z.object({ name, credential: Attestation })
export const RenamePasskey = z.object({ name })
export const PasskeyLogin = Login.pick({ remember: true, token: true }).extend({ credential: Assertion })
export const PasskeyProof = z.object({ credential: Assertion })
export const OfPasskey = z.object({ id: z.uuid() })

/** The same in a form, where the script of the page puts it as JSON. */
export const inForm = <T>(credential: z.ZodType<T>) =>
  z
    .string(
      'This takes a browser that runs the script of the page, once it is loaded, and that knows passkeys',
    )
    .max(60_000)
    .transform((text, ctx): unknown => {
      try {
        return JSON.parse(text)
      } catch {
        ctx.addIssue('must be JSON')
        return z.NEVER
      }
    })
    .pipe(credential)
