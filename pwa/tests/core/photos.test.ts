// Photos reach the server once and whole, whatever the network does, and leave the phone only then.
import fc from 'fast-check'
import { IDBFactory } from 'fake-indexeddb'
import { openDB } from 'idb'
import { describe, expect, it } from 'vitest'

import { closeDatabase, database, readKept, type DraftRow } from '@/core/db'
import { keepFeed } from '@/core/feed'
import { uuid7 } from '@/core/ids'
import { append, exportUnsent } from '@/core/log'
import {
  PART_BYTES,
  dismissPhoto,
  dropDraft,
  isUnsent,
  keepPhoto,
  readPhotoBytes,
  sendPhotos,
  sha256Of,
  submitDraft,
  sweepPhotos,
} from '@/core/photos'
import { flush } from '@/core/sync'
import type { Feed } from '@/core/types'

import { ModelPhotoServer, type PhotoMishap } from './photoServer'
import { ModelServer } from './server'

const ANNA = uuid7()
const quiet = () => undefined

function picture(size: number, seed = 1): ArrayBuffer {
  return Uint8Array.from({ length: size }, (_, index) => (index * 31 + seed * 7 + (index >> 8)) % 256).buffer
}

function draft(photos: string[], id = uuid7()): DraftRow {
  const named = photos.map((sha256) => ({ sha256, role: 'before' as const, at: '2026-11-24T01:00:00Z', fix: null }))
  return { id, user: ANNA, kind: 'case_reported', about: null, form: {}, photos: named, updated_at: '2026-11-24T01:00:00Z' }
}

/** A photo in a form that has become an entry. */
async function submitted(bytes: ArrayBuffer, id = uuid7()): Promise<string> {
  const sha256 = await sha256Of(bytes)
  await keepPhoto(draft([sha256], id), sha256, 'image/jpeg', bytes)
  await append(ANNA, { id, kind: 'case_reported', body: { photos: [{ sha256 }] } })
  await submitDraft(ANNA, id)
  return sha256
}

const photos = async () => (await readKept(ANNA)).photos

describe('sending', () => {
  it('sends a photo in parts, whole, and says so', async () => {
    const server = new ModelPhotoServer()
    const bytes = picture(PART_BYTES * 2 + 1234)
    const sha256 = await submitted(bytes)
    expect(await sendPhotos(ANNA, server, quiet)).toEqual({ outcome: 'drained', sent: 1 })
    expect(server.complete.get(sha256)).toEqual(new Uint8Array(bytes))
    expect((await photos())[0]).toMatchObject({ sent: bytes.byteLength, problem: null })
    expect((await photos()).filter(isUnsent)).toEqual([])
  })

  it('goes on where a cut left off, and sends no part twice that had arrived', async () => {
    const server = new ModelPhotoServer()
    const bytes = picture(PART_BYTES * 4)
    const sha256 = await submitted(bytes)
    server.mishaps = ['none', 'none', 'lost_answer']
    expect(await sendPhotos(ANNA, server, quiet)).toMatchObject({ outcome: 'failed', sent: 0 })
    expect(await sendPhotos(ANNA, server, quiet)).toEqual({ outcome: 'drained', sent: 1 })
    expect(server.complete.get(sha256)).toEqual(new Uint8Array(bytes))
    expect(server.bytesTaken).toBe(bytes.byteLength)
  })

  it('learns that it had arrived although the last answer was lost', async () => {
    const server = new ModelPhotoServer()
    await submitted(picture(1000))
    server.mishaps = ['lost_answer']
    await sendPhotos(ANNA, server, quiet)
    expect((await photos()).filter(isUnsent)).toHaveLength(1)
    await sendPhotos(ANNA, server, quiet)
    expect((await photos()).filter(isUnsent)).toHaveLength(0)
    expect(server.bytesTaken).toBe(1000)
  })

  it('waits as long as the server asks', async () => {
    const server = new ModelPhotoServer()
    await submitted(picture(1000))
    server.mishaps = ['busy']
    expect(await sendPhotos(ANNA, server, quiet)).toMatchObject({ outcome: 'failed', error: { retryAfterS: 7 } })
  })

  it('goes on by itself from where the server stands, when the two disagree', async () => {
    const server = new ModelPhotoServer()
    const bytes = picture(PART_BYTES * 3)
    const sha256 = await submitted(bytes)
    server.mishaps = ['none', 'lost_request']
    await sendPhotos(ANNA, server, quiet)
    server.arriving.clear() // the server forgot the parts
    expect(await sendPhotos(ANNA, server, quiet)).toEqual({ outcome: 'drained', sent: 1 })
    expect(server.complete.has(sha256)).toBe(true)
  })

  it('puts a photo aside that the server will never take, and sends the next one', async () => {
    const server = new ModelPhotoServer()
    const broken = await submitted(picture(500, 2))
    const fine = await submitted(picture(500, 3))
    server.judge = (sha256) => (sha256 === broken ? 'photo-damaged' : null)
    expect(await sendPhotos(ANNA, server, quiet)).toEqual({ outcome: 'drained', sent: 2 })
    expect((await photos()).find((row) => row.sha256 === broken)?.problem).toBe('photo-damaged')
    expect(server.complete.has(fine)).toBe(true)
    await dismissPhoto(ANNA, broken)
    expect((await photos()).map((row) => row.sha256)).toEqual([fine])
    expect(await readPhotoBytes(ANNA, broken)).toBeNull()
  })

  it('sends nothing of a form that was not sent', async () => {
    const server = new ModelPhotoServer()
    const bytes = picture(100)
    const sha256 = await sha256Of(bytes)
    await keepPhoto(draft([sha256]), sha256, 'image/jpeg', bytes)
    expect(await sendPhotos(ANNA, server, quiet)).toEqual({ outcome: 'drained', sent: 0 })
  })

  it('arrives once and whole through any run of mishaps', async () => {
    const mishap = fc.constantFrom<PhotoMishap>('none', 'lost_request', 'lost_answer', 'half_part', 'busy')
    await fc.assert(
      fc.asyncProperty(fc.array(mishap, { maxLength: 12 }), fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 3 }), async (mishaps, sizes) => {
        await closeDatabase()
        globalThis.indexedDB = new IDBFactory()
        const server = new ModelPhotoServer()
        server.mishaps = [...mishaps]
        const sent = []
        for (const [index, parts] of sizes.entries()) sent.push(await submitted(picture(PART_BYTES * (parts - 1) + 10 + index, index)))
        for (let turn = 0; turn <= mishaps.length; turn += 1) await sendPhotos(ANNA, server, quiet)
        for (const sha256 of sent) expect(server.complete.has(sha256)).toBe(true)
        expect((await photos()).filter(isUnsent)).toEqual([])
      }),
      { numRuns: 15 },
    )
  })
})

describe('keeping', () => {
  it('keeps a photo until the server holds it and its entry is settled and shown', async () => {
    const [log, server] = [new ModelServer(), new ModelPhotoServer()]
    const sha256 = await submitted(picture(2000))
    await sweepPhotos(ANNA)
    expect(await readPhotoBytes(ANNA, sha256)).not.toBeNull()
    await sendPhotos(ANNA, server, quiet)
    await sweepPhotos(ANNA)
    expect(await readPhotoBytes(ANNA, sha256)).not.toBeNull() // its entry is still here
    await flush(ANNA, log, '')
    await keepFeed(ANNA, { user_id: ANNA } as Feed, Date.now() + 1000)
    await sweepPhotos(ANNA)
    expect(await photos()).toEqual([])
    expect(await readPhotoBytes(ANNA, sha256)).toBeNull()
  })

  it('keeps a photo whose entry arrived first until it has arrived itself', async () => {
    const [log, server] = [new ModelServer(), new ModelPhotoServer()]
    const sha256 = await submitted(picture(2000))
    await flush(ANNA, log, '')
    await keepFeed(ANNA, { user_id: ANNA } as Feed, Date.now() + 1000)
    await sweepPhotos(ANNA)
    expect((await photos()).filter(isUnsent)).toHaveLength(1)
    await sendPhotos(ANNA, server, quiet)
    await sweepPhotos(ANNA)
    expect(server.complete.has(sha256)).toBe(true)
    expect(await photos()).toEqual([])
  })

  it('throws a form away with its photos, but not those that another one names', async () => {
    const [one, two] = [picture(100, 1), picture(100, 2)]
    const [first, second] = [await sha256Of(one), await sha256Of(two)]
    const thrown = draft([first, second])
    const other = draft([second])
    await keepPhoto(thrown, first, 'image/jpeg', one)
    await keepPhoto(thrown, second, 'image/jpeg', two)
    await keepPhoto(other, second, 'image/jpeg', two)
    await dropDraft(ANNA, thrown.id)
    expect((await photos()).map((row) => row.sha256)).toEqual([second])
    expect((await readKept(ANNA)).drafts.map((row) => row.id)).toEqual([other.id])
  })

  it('sends only the photos that the form still shows', async () => {
    const server = new ModelPhotoServer()
    const [one, two] = [picture(100, 1), picture(100, 2)]
    const [first, second] = [await sha256Of(one), await sha256Of(two)]
    const form = draft([first, second])
    await keepPhoto(form, first, 'image/jpeg', one)
    await keepPhoto(form, second, 'image/jpeg', two)
    await keepPhoto({ ...form, photos: form.photos.slice(1) }, second, 'image/jpeg', two) // the first was put aside
    await append(ANNA, { id: form.id, kind: 'case_reported', body: {} })
    await submitDraft(ANNA, form.id)
    await sendPhotos(ANNA, server, quiet)
    await sweepPhotos(ANNA)
    expect([...server.complete.keys()]).toEqual([second])
    expect((await photos()).map((row) => row.sha256)).toEqual([second])
  })

  it('exports the photos that the server does not hold', async () => {
    const sha256 = await submitted(picture(5))
    const file = await exportUnsent(ANNA)
    expect(file.photos).toEqual([{ sha256, type: 'image/jpeg', base64: btoa(String.fromCharCode(...new Uint8Array(picture(5)))) }])
    await sendPhotos(ANNA, new ModelPhotoServer(), quiet)
    expect((await exportUnsent(ANNA)).photos).toEqual([])
  })
})

describe('a phone with the older layout', () => {
  it('keeps everything it held', async () => {
    const old = await openDB('ironfeet', 1, {
      upgrade(db) {
        db.createObjectStore('meta')
        db.createObjectStore('logs', { keyPath: 'user' })
        const entries = db.createObjectStore('entries', { keyPath: 'id' })
        entries.createIndex('by_log', ['log', 'seq'], { unique: true })
        entries.createIndex('by_user', 'user')
        for (const name of ['attention', 'held', 'settled']) db.createObjectStore(name, { keyPath: 'id' }).createIndex('by_user', 'user')
        db.createObjectStore('feeds', { keyPath: 'user' })
      },
    })
    const row = (id: string) => ({ id, user: ANNA, kind: 'gap', at: '2026-11-24T01:00:00Z', body: { cause: 'unknown' } })
    await old.put('entries', { ...row('e'), log: 'l', seq: 1, payload: '{}', signature: 's' })
    await old.put('attention', { ...row('a'), problem: 'off-duty' })
    await old.put('held', row('h'))
    await old.put('settled', row('s'))
    await old.put('feeds', { user: ANNA, feed: { user_id: ANNA }, fetched_at: 'then' })
    await old.put('meta', 'kept', 'device_id')
    await old.put('logs', { user: ANNA, log: 'l', next_seq: 2 })
    old.close()
    const kept = await readKept(ANNA)
    expect([kept.entries, kept.attention, kept.held, kept.settled].map((rows) => rows.map((one) => one.id))).toEqual([['e'], ['a'], ['h'], ['s']])
    expect(kept.feed?.fetched_at).toBe('then')
    expect(kept.log?.next_seq).toBe(2)
    expect(await (await database()).get('meta', 'device_id')).toBe('kept')
    expect([kept.photos, kept.drafts]).toEqual([[], []])
    const sha256 = await sha256Of(picture(10))
    await keepPhoto(draft([sha256]), sha256, 'image/jpeg', picture(10))
    expect(await photos()).toHaveLength(1)
  })
})
