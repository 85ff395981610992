/**
 * Photos on their way to the server: kept here first, sent in parts by the hash of their bytes, taken up
 * again where a cut left off. They leave the phone when the server holds all of the bytes and nothing here
 * names them any more.
 */
import { database, type DraftRow, type PhotoRow } from './db'
import { ApiProblem, Unreachable } from './http'
import { ifFree } from './locks'
import type { Flushed } from './sync'

export const PART_BYTES = 256 * 1024
export const MAX_PHOTO_BYTES = 8_000_000
/** More misfits in a row than a lost answer can explain. */
const MAX_MISFITS = 3
/** The server will never take these bytes; sending them again would be refused again. */
const HOPELESS = ['photo-wrong-type', 'photo-too-many-pixels', 'photo-damaged', 'too-large', 'unsupported-media']

/** How much the server holds of a photo. */
export interface UploadState {
  state: string // missing, stored, ready, rejected
  received: number
  problem?: string | null
}

export interface PhotoServer {
  state(sha256: string): Promise<UploadState>
  /** Sends `part`, which starts at byte `first` of `total`. */
  put(sha256: string, part: { bytes: Uint8Array<ArrayBuffer>; first: number; total: number; type: string }): Promise<UploadState>
}

/** SHA-256 as 64 lower-case hex digits. */
export async function sha256Of(bytes: ArrayBuffer): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

/** Keep a photo for the form *draft*, which names it already: both are stored, or neither. */
export async function keepPhoto(draft: DraftRow, sha256: string, type: string, bytes: ArrayBuffer): Promise<void> {
  const { user } = draft
  const transaction = (await database()).transaction(['photos', 'photo_bytes', 'drafts'], 'readwrite', { durability: 'strict' })
  const photos = transaction.objectStore('photos')
  const known = await photos.get([user, sha256])
  const row: PhotoRow = known ?? {
    ...{ user, sha256, type, size: bytes.byteLength, owners: [] },
    ...{ submitted: false, sent: 0, done_at: null, problem: null },
  }
  const owners = row.owners.includes(draft.id) ? row.owners : [...row.owners, draft.id]
  await Promise.all([
    photos.put({ ...row, owners }),
    transaction.objectStore('photo_bytes').put({ user, sha256, bytes }),
    transaction.objectStore('drafts').put(draft),
    transaction.done,
  ])
}

export async function readPhotoBytes(user: string, sha256: string): Promise<ArrayBuffer | null> {
  return (await (await database()).get('photo_bytes', [user, sha256]))?.bytes ?? null
}

/** Keep a form as it stands. */
export async function keepDraft(draft: DraftRow): Promise<void> {
  await (await database()).put('drafts', draft)
}

/** The form has become an entry in the log: its photos are to be sent, and the form is done with. */
export async function submitDraft(user: string, id: string): Promise<void> {
  const transaction = (await database()).transaction(['photos', 'drafts'], 'readwrite', { durability: 'strict' })
  const photos = transaction.objectStore('photos')
  const wanted = new Set((await transaction.objectStore('drafts').get(id))?.photos.map((photo) => photo.sha256))
  for (const row of await photos.index('by_user').getAll(user)) {
    if (!row.owners.includes(id)) continue
    if (wanted.has(row.sha256)) await photos.put({ ...row, submitted: true })
    else await photos.put({ ...row, owners: row.owners.filter((owner) => owner !== id) }) // taken and put aside
  }
  await transaction.objectStore('drafts').delete(id)
  await transaction.done
}

/** The form was thrown away, and with it the photos that nothing else names. */
export async function dropDraft(user: string, id: string): Promise<void> {
  await (await database()).delete('drafts', id)
  await sweepPhotos(user)
}

/** The person has read that the server will not take a photo. */
export async function dismissPhoto(user: string, sha256: string): Promise<void> {
  const transaction = (await database()).transaction(['photos', 'photo_bytes'], 'readwrite')
  await transaction.objectStore('photos').delete([user, sha256])
  await transaction.objectStore('photo_bytes').delete([user, sha256])
  await transaction.done
}

/**
 * Remove the photos of *user* that nothing here needs: no form and no entry names them, and those that an
 * entry did name are held by the server. One that the server refuses stays until the person has read so.
 */
export async function sweepPhotos(user: string): Promise<void> {
  const naming = ['drafts', 'entries', 'held', 'attention', 'settled'] as const
  const transaction = (await database()).transaction(['photos', 'photo_bytes', ...naming], 'readwrite')
  const named = new Set<string>()
  for (const store of naming) {
    for (const id of await transaction.objectStore(store).index('by_user').getAllKeys(user)) named.add(id)
  }
  const photos = transaction.objectStore('photos')
  for (const row of await photos.index('by_user').getAll(user)) {
    const needed = row.owners.some((owner) => named.has(owner)) || (row.submitted && row.done_at === null)
    if (needed) continue
    await photos.delete([user, row.sha256])
    await transaction.objectStore('photo_bytes').delete([user, row.sha256])
  }
  await transaction.done
}

/** True for a photo that still has to be sent. */
export function isUnsent(row: PhotoRow): boolean {
  return row.submitted && row.done_at === null && row.problem === null
}

/** Send every photo that entries of *user* name; one tab at a time, one photo at a time. */
export async function sendPhotos(user: string, server: PhotoServer, changed: () => void): Promise<Flushed> {
  const done = await ifFree(`ironfeet-photos-${user}`, async (): Promise<Flushed> => {
    let sent = 0
    try {
      for (let row = await nextUnsent(user); row; row = await nextUnsent(user)) {
        await sendOne(row, server)
        sent += 1
        changed()
      }
      return { outcome: 'drained', sent }
    } catch (error) {
      if (!(error instanceof ApiProblem) && !(error instanceof Unreachable)) throw error
      return { outcome: 'failed', sent, error }
    }
  })
  return done ?? { outcome: 'busy' }
}

async function nextUnsent(user: string): Promise<PhotoRow | null> {
  const rows = (await (await database()).getAllFromIndex('photos', 'by_user', user)).filter(isUnsent)
  rows.sort((a, b) => (a.owners[0] ?? '').localeCompare(b.owners[0] ?? '')) // the ids tell time: oldest form first
  return rows[0] ?? null
}

/** Send what is missing of one photo; returns when the server holds all of it, or never will. */
async function sendOne(row: PhotoRow, server: PhotoServer): Promise<void> {
  const bytes = await readPhotoBytes(row.user, row.sha256)
  if (!bytes) return changeRow(row, { problem: 'photo-damaged' }) // the browser threw it away
  let misfits = 0
  // A fresh photo is sent at once; only where some of it has gone before is it worth asking how much
  let at: UploadState = row.sent > 0 ? await server.state(row.sha256) : { state: 'missing', received: 0 }
  while (at.state === 'missing') {
    const first = Math.min(at.received, bytes.byteLength)
    const part = new Uint8Array(bytes, first, Math.min(PART_BYTES, bytes.byteLength - first))
    try {
      if (part.byteLength === 0) throw new ApiProblem(422, 'photo-part-wrong', '') // it wants more than there is
      at = await server.put(row.sha256, { bytes: part, first, total: bytes.byteLength, type: row.type })
      await changeRow(row, { sent: at.received })
      if (at.received > first) misfits = 0
      else misfits += 1
    } catch (error) {
      if (!(error instanceof ApiProblem)) {
        await changeRow(row, { sent: Math.max(1, first) }) // perhaps it arrived: ask first next time
        throw error
      }
      if (HOPELESS.includes(error.slug)) return changeRow(row, { problem: error.slug })
      if (!['photo-part-wrong', 'photo-hash-mismatch', 'conflict'].includes(error.slug)) throw error
      misfits += 1
      if (misfits > MAX_MISFITS) throw error
      at = error.slug === 'photo-hash-mismatch' ? { state: 'missing', received: 0 } : await server.state(row.sha256)
    }
    if (misfits > MAX_MISFITS) throw new Unreachable(new Error('the parts do not add up'))
  }
  const problem = at.state === 'rejected' ? slugOf(at.problem) : null
  await changeRow(row, problem ? { problem } : { done_at: new Date().toISOString(), sent: bytes.byteLength })
}

function slugOf(problem: string | null | undefined): string {
  return (problem ?? 'photo-damaged').replace(/^.*\/problems\//, '')
}

async function changeRow({ user, sha256 }: PhotoRow, change: Partial<PhotoRow>): Promise<void> {
  const transaction = (await database()).transaction('photos', 'readwrite')
  const row = await transaction.store.get([user, sha256])
  if (row) await transaction.store.put({ ...row, ...change })
  await transaction.done
}
