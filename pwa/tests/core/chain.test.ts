// The TypeScript side hashes and verifies exactly what docs/phone-log.md says: the vectors of both languages.
import { readFileSync } from 'node:fs'

import { beforeAll, describe, expect, it } from 'vitest'

import { byteLength, hashOf, makeKeys, publicKeyText, sign, verify } from '@/core/chain'

interface Signed {
  name: string
  payload: string
  signature: string
}

const vectors = JSON.parse(
  readFileSync(new URL('../../../tests/vectors/phone_log.json', import.meta.url), 'utf8'),
) as {
  key: { jwk: JsonWebKey; spki: string }
  entries: (Signed & { hash: string })[]
  bad_signatures: Signed[]
}

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256' }
let publicKey: CryptoKey
let privateKey: CryptoKey

beforeAll(async () => {
  const open = { ...vectors.key.jwk, d: undefined }
  publicKey = await crypto.subtle.importKey('jwk', open, ALGORITHM, true, ['verify'])
  privateKey = await crypto.subtle.importKey('jwk', vectors.key.jwk, ALGORITHM, true, ['sign'])
})

describe('shared vectors', () => {
  it.each(vectors.entries)('hash and signature: $name', async ({ payload, hash, signature }) => {
    expect(await hashOf(payload)).toBe(hash)
    expect(await verify(payload, signature, publicKey)).toBe(true)
    expect(await verify(payload, await sign(payload, privateKey), publicKey)).toBe(true)
  })

  it('connects the entries into one chain', () => {
    const chain = vectors.entries.map((entry) => ({
      prev: (JSON.parse(entry.payload) as { prev: string }).prev,
      hash: entry.hash,
    }))
    chain.slice(1).forEach((entry, index) => expect(entry.prev).toBe(chain[index]?.hash))
  })

  it.each(vectors.bad_signatures)('refuses: $name', async ({ payload, signature }) => {
    expect(await verify(payload, signature, publicKey)).toBe(false)
  })

  it('writes the public key as the server registers it', async () => {
    expect(await publicKeyText({ publicKey, privateKey })).toBe(vectors.key.spki)
  })
})

it('makes keys whose private half cannot be exported', async () => {
  const keys = await makeKeys()
  expect(keys.privateKey.extractable).toBe(false)
  await expect(crypto.subtle.exportKey('jwk', keys.privateKey)).rejects.toThrow()
})

it('counts bytes of UTF-8, not characters', () => {
  expect(byteLength('铁脚板')).toBe(9)
})
