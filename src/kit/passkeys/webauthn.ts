// Runs the two ceremonies of WebAuthn: a passkey is made, and signs later on. Each has a challenge that counts once.
import { decodeBase64, decodeBase64Url, encodeBase64 } from 'hono/utils/encode'
import type { z } from 'zod'
import { randomHex } from '../auth/token-text.ts'
import type { KitDeps } from '../deps.ts'
import { isAllowedOrigin } from '../http/origins.ts'
import { defineError } from '../types/api-error.ts'
import { type Assertion, type Attestation, ClientData } from './schema.ts'

/** Whatever was wrong: one that is unknown, its signature, its counter, a challenge that was spent. The log says more. */
export const passkeyRefused = defineError(
  400,
  'passkey_refused',
  'This passkey was not accepted: try again, or another way',
)

/** What a challenge is for, and which account asked for it, if one is known: for another it does not count. */
export interface Ceremony {
  purpose: string
  userId?: string
  /** 64 hexadecimal digits, where the caller has one and sees to it that it counts once. */
  challenge?: string
}

/** A passkey as it is stored. */
export interface StoredPasskey {
  user_id: string
  /** Base64url, as the browser names it. */
  credential_id: string
  /** In the form of COSE, base64. */
  public_key: string
  /** How often it has signed; those that are on several devices say 0 always. */
  sign_count: number
  transports: string[]
  /** Whether it may be on several devices, which it is or is not for ever, and whether it is. */
  can_be_backed_up: boolean
  backed_up: boolean
}

type Needed = Pick<KitDeps, 'config' | 'log' | 'store'>

/** Seconds in which a challenge is to be answered. */
const CHALLENGE_S = 5 * 60

/** ES256, EdDSA and RS256, in COSE's numbers. */
const ALGORITHMS = [-7, -8, -257]

const keyOf = ({ purpose, userId = '' }: Ceremony, challenge: string) =>
  `passkey:${purpose}:${userId}:${challenge}`

async function ask({ config, store }: Needed, ceremony: Ceremony) {
  const { challenge = randomHex(32) } = ceremony // which is base64url as it stands
  if (ceremony.challenge === undefined) await store.set(keyOf(ceremony, challenge), true, CHALLENGE_S)
  return { asked: { challenge, timeout: CHALLENGE_S * 1000 }, rpId: new URL(config.appUrl).hostname }
}

const describe = ({ credential_id: id, transports }: Pick<StoredPasskey, 'credential_id' | 'transports'>) =>
  ({ type: 'public-key', id, transports }) as const

/**
 * What a browser makes a passkey by.
 * @param others those that the account has, so that no device makes a second one
 */
export async function creationOptions(
  deps: Needed,
  ceremony: Ceremony & { userId: string },
  { others, ...user }: { name: string; displayName: string; others: Parameters<typeof describe>[0][] },
) {
  const { asked, rpId } = await ask(deps, ceremony)
  return {
    ...asked,
    rp: { id: rpId, name: deps.config.name },
    user: { id: ceremony.userId, ...user }, // a UUID is base64url, too
    pubKeyCredParams: ALGORITHMS.map((alg) => ({ type: 'public-key', alg }) as const),
    attestation: 'none',
    excludeCredentials: others.map(describe),
    authenticatorSelection: { residentKey: 'preferred', userVerification: 'preferred' },
  } as const
}

/** What a browser has a passkey sign by: one of these, or whichever of ours it has, which then verifies its user. */
export async function requestOptions(deps: Needed, ceremony: Ceremony, allowed?: StoredPasskey[]) {
  const { asked, rpId } = await ask(deps, ceremony)
  const userVerification = allowed === undefined ? 'required' : 'preferred'
  return { ...asked, rpId, userVerification, allowCredentials: (allowed ?? []).map(describe) } as const
}

/**
 * Verifies a passkey that was just made, and returns what is to be stored of it.
 * @throws passkeyRefused
 */
export async function verifyNew(
  deps: Needed,
  ceremony: Ceremony & { userId: string },
  given: z.output<typeof Attestation>,
): Promise<StoredPasskey> {
  const expected = await spendChallenge(deps, ceremony, given.response.clientDataJSON)
  const { verifyRegistrationResponse } = await loadLibrary()
  const { transports = [] } = given.response
  const response = { ...given, response: { ...given.response, transports: [] }, clientExtensionResults: {} }
  const options = { ...expected, response, requireUserVerification: false }
  const { registrationInfo: made } = await refusing(
    deps,
    verifyRegistrationResponse({ ...options, supportedAlgorithmIDs: ALGORITHMS }),
  )
  // No browser says another id than its authenticator, and none of more than 1023 bytes.
  if (made?.credential.id !== given.id) throw passkeyRefused()
  return {
    user_id: ceremony.userId,
    credential_id: made.credential.id,
    public_key: encodeBase64(made.credential.publicKey.slice().buffer),
    sign_count: made.credential.counter,
    transports,
    can_be_backed_up: made.credentialDeviceType === 'multiDevice',
    backed_up: made.credentialBackedUp,
  }
}

/**
 * Verifies what a passkey has signed, and returns what has changed of it. A counter that does not grow is that of a copy.
 * @param options.verifiesUser whether it must have asked for a finger, a face or a PIN: then it is two factors in one
 * @throws passkeyRefused
 */
export async function verifySigned(
  deps: Needed,
  ceremony: Ceremony,
  given: z.output<typeof Assertion>,
  known: StoredPasskey,
  { verifiesUser }: { verifiesUser: boolean },
): Promise<Pick<StoredPasskey, 'sign_count' | 'backed_up'>> {
  const expected = await spendChallenge(deps, ceremony, given.response.clientDataJSON)
  // Of somebody who has not said who they are, the passkey tells it.
  const owners = [ceremony.userId, given.response.userHandle].filter((id) => id !== undefined)
  if (owners.length === 0 || owners.some((id) => id !== known.user_id)) throw passkeyRefused()
  const { verifyAuthenticationResponse } = await loadLibrary()
  const credential = {
    id: known.credential_id,
    publicKey: decodeBase64(known.public_key),
    counter: known.sign_count,
  }
  const response = { ...given, clientExtensionResults: {} }
  const options = { ...expected, response, credential, requireUserVerification: verifiesUser }
  const { verified, authenticationInfo: signed } = await refusing(deps, verifyAuthenticationResponse(options))
  const canBeBackedUp = signed.credentialDeviceType === 'multiDevice'
  if (!verified || canBeBackedUp !== known.can_be_backed_up) throw passkeyRefused()
  return { sign_count: signed.newCounter, backed_up: signed.credentialBackedUp }
}

/** Whatever comes of it: of two requests at once one goes on. @throws passkeyRefused */
async function spendChallenge({ config, store }: Needed, ceremony: Ceremony, clientDataJSON: string) {
  const { challenge, origin } = clientDataOf(clientDataJSON)
  const isOurs =
    ceremony.challenge === undefined
      ? (await store.delete(keyOf(ceremony, challenge))) > 0
      : ceremony.challenge === challenge
  if (!isOurs) throw passkeyRefused()
  const own = new URL(config.appUrl)
  const expectedOrigin = isAllowedOrigin(config, origin) ? origin : own.origin
  return { expectedChallenge: challenge, expectedOrigin, expectedRPID: own.hostname }
}

function clientDataOf(text: string): z.output<typeof ClientData> {
  try {
    return ClientData.parse(JSON.parse(new TextDecoder().decode(decodeBase64Url(text))))
  } catch {
    throw passkeyRefused()
  }
}

/** At the first passkey, not before: it takes a tenth of a second and 24 MB. What it stands on comes first, in bundles too. */
async function loadLibrary() {
  await import('reflect-metadata')
  const library = await import('@simplewebauthn/server')
  // Who has made a device is not asked, so no certificate is followed to these: the library would fetch what one names.
  for (const identifier of ['android-key', 'android-safetynet', 'apple'] as const)
    library.SettingsService.setRootCertificates({ identifier, certificates: [] })
  return library
}

/** What the library finds wrong is no fault of ours. */
async function refusing<T>({ log }: Needed, verification: Promise<T>): Promise<T> {
  try {
    return await verification
  } catch (error) {
    // It quotes what the client sent.
    const why = error instanceof Error ? error.message : String(error)
    log.warn('PASSKEY REFUSED', { why: why.slice(0, 300) })
    throw passkeyRefused()
  }
}
