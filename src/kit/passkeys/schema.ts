// Defines what a browser is asked by, and what it answers: the JSON forms of WebAuthn, level 3.
import { z } from 'zod'

const base64Url = (max: number) =>
  z
    .string()
    .max(max, { abort: true })
    .regex(/^[\w-]+$/, 'must be base64url')

/** A credential's id has 1023 bytes at most. */
const id = base64Url(1364)
/** Bytes of an attestation, which may bring certificates. */
const long = base64Url(20_000)
const publicKey = z.literal('public-key')

const Answer = z.object({ id, rawId: id, type: publicKey })

/** What `navigator.credentials.create` has made. */
export const Attestation = Answer.extend({
  response: z.object({
    clientDataJSON: long,
    attestationObject: long,
    transports: z.array(z.string().max(32)).max(10).optional(),
  }),
}).describe('What `navigator.credentials.create` has made: its `toJSON()`.')

/** What `navigator.credentials.get` has signed. */
export const Assertion = Answer.extend({
  response: z.object({
    clientDataJSON: long,
    authenticatorData: long,
    signature: long,
    userHandle: base64Url(100)
      .nullish()
      .transform((handle) => handle ?? undefined),
  }),
})
  .describe('What `navigator.credentials.get` has signed: its `toJSON()`.')
  .meta({
    examples: [
      {
        id: 'AaFdkcD4SuPjF-jwUoRwH8',
        rawId: 'AaFdkcD4SuPjF-jwUoRwH8',
        type: 'public-key',
        response: {
          clientDataJSON: 'eyJ0eXBlIjoid2Vi',
          authenticatorData: 'SZYN5YgOjGh0',
          signature: 'MEUCIQCh',
        },
      },
    ],
  })

/** What the browser says of a ceremony; the authenticator signs it. */
export const ClientData = z.object({ challenge: z.string().regex(/^[0-9a-f]{64}$/), origin: z.string() })

const described = z.array(z.object({ type: publicKey, id: z.string(), transports: z.array(z.string()) }))
const userVerification = z.enum(['required', 'preferred'])
const asked = { challenge: z.string(), timeout: z.int().describe('Milliseconds.') }

export const CreationOptions = z
  .object({
    ...asked,
    rp: z.object({ id: z.string(), name: z.string() }),
    user: z.object({ id: z.string(), name: z.string(), displayName: z.string() }),
    pubKeyCredParams: z.array(z.object({ type: publicKey, alg: z.int() })),
    attestation: z.literal('none'),
    excludeCredentials: described,
    authenticatorSelection: z.object({ residentKey: z.literal('preferred'), userVerification }),
  })
  .describe('For `PublicKeyCredential.parseCreationOptionsFromJSON`.')
  .meta({ id: 'PasskeyCreationOptions' })

export const RequestOptions = z
  .object({ ...asked, rpId: z.string(), userVerification, allowCredentials: described })
  .describe('For `PublicKeyCredential.parseRequestOptionsFromJSON`.')
  .meta({ id: 'PasskeyRequestOptions' })
