/** Hashing and signing of entries, as docs/phone-log.md fixes them. */

export const FIRST_PREV = '0'.repeat(64)
export const MAX_PAYLOAD_BYTES = 32_768

const ALGORITHM = { name: 'ECDSA', hash: 'SHA-256' } as const
const encoder = new TextEncoder()

/** What a payload says, in the order in which it is written. */
export interface Payload {
  v: 1
  id: string
  log: string
  device: string
  user: string
  seq: number
  prev: string
  kind: string
  at: string
  body: Record<string, unknown>
}

/** The bytes of a payload on the wire. */
export function byteLength(payload: string): number {
  return encoder.encode(payload).length
}

/** SHA-256 of the payload's UTF-8 bytes as 64 lower-case hex digits. */
export async function hashOf(payload: string): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', encoder.encode(payload)))
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

/** A new pair whose private half can never leave the browser. */
export function makeKeys(): Promise<CryptoKeyPair> {
  return crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign', 'verify'])
}

/** The public key as the server registers it: SubjectPublicKeyInfo in standard base64. */
export async function publicKeyText(keys: CryptoKeyPair): Promise<string> {
  return base64(new Uint8Array(await crypto.subtle.exportKey('spki', keys.publicKey)))
}

/** The signature of *payload*: raw r‖s in base64url without padding. */
export async function sign(payload: string, privateKey: CryptoKey): Promise<string> {
  const raw = new Uint8Array(await crypto.subtle.sign(ALGORITHM, privateKey, encoder.encode(payload)))
  return base64(raw).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '')
}

/** True where *signature* belongs to *payload* and the key. */
export async function verify(payload: string, signature: string, publicKey: CryptoKey): Promise<boolean> {
  if (!/^[A-Za-z0-9_-]{86}$/.test(signature)) return false
  const raw = Uint8Array.from(atob(signature.replaceAll('-', '+').replaceAll('_', '/')), (c) => c.charCodeAt(0))
  return crypto.subtle.verify(ALGORITHM, publicKey, raw, encoder.encode(payload))
}

/** Standard base64. */
export function base64(bytes: Uint8Array): string {
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''))
}
