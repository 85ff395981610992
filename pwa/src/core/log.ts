/**
 * The phone's log: one chain of signed entries per person and device. Appending is the only way in;
 * `sync.ts` takes entries out when the server has stored a result for them.
 */
import { FIRST_PREV, MAX_PAYLOAD_BYTES, base64, byteLength, hashOf, makeKeys, sign, type Payload } from './chain'
import { database, type EntryRow, type LogRow } from './db'
import { uuid7 } from './ids'
import { exclusive } from './locks'

export type Kind =
  | 'shift_started'
  | 'shift_ended'
  | 'round_started'
  | 'round_finished'
  | 'check_in'
  | 'stop_skipped'
  | 'track'
  | 'gap'
  | 'review_answered'
  | 'case_reported'
  | 'case_joined'
  | 'case_accepted'
  | 'case_returned'
  | 'case_arrived'
  | 'case_resolved'
  | 'case_verified'
  | 'case_noted'
  | 'case_hold_asked'
  | 'case_extension_asked'
  | 'case_resumed'
  | 'case_co_done'

/** What somebody wants to write down. The id is made when the form opens, so that two taps are one entry. */
export interface Draft {
  id: string
  kind: Kind
  body: Record<string, unknown>
  at?: Date
}

export type Appended = 'appended' | 'known'

/** Thrown where an entry would be larger than the server accepts; nothing has been written. */
export class EntryTooLarge extends Error {
  constructor(readonly bytes: number) {
    super(`an entry of ${bytes} bytes is larger than ${MAX_PAYLOAD_BYTES}`)
    this.name = 'EntryTooLarge'
  }
}

const RECENT_IDS = 200

/** The id of this browser, shared by the logs of all its people; made once. */
async function deviceId(): Promise<string> {
  const transaction = (await database()).transaction('meta', 'readwrite')
  const known = (await transaction.store.get('device_id')) as string | undefined
  const id = known ?? uuid7()
  if (!known) await transaction.store.put(id, 'device_id')
  await transaction.done
  return id
}

/** The log of *user* on this device; made with a key of its own where there is none yet. */
export function openLog(user: string): Promise<LogRow> {
  return exclusive(`ironfeet-log-${user}`, () => openAlone(user))
}

async function openAlone(user: string): Promise<LogRow> {
  const db = await database()
  const known = await db.get('logs', user)
  if (known) return known
  const made: LogRow = {
    user,
    log: uuid7(),
    device: await deviceId(),
    keys: await makeKeys(),
    next_seq: 1,
    last_hash: FIRST_PREV,
    recent_ids: [],
    registered_at: null,
    last_sync_at: null,
  }
  await db.add('logs', made)
  return made
}

/**
 * Write *draft* into the log of *user*. The entry and the new end of the chain are stored in one
 * transaction: either both are there or neither, also when the device is full or the page is killed.
 */
export function append(user: string, draft: Draft): Promise<Appended> {
  return exclusive(`ironfeet-log-${user}`, async () => {
    const log = await openAlone(user)
    if (log.recent_ids.includes(draft.id)) return 'known'
    const entry = await makeEntry(log, draft)
    const next: LogRow = {
      ...log,
      next_seq: log.next_seq + 1,
      last_hash: await hashOf(entry.payload),
      recent_ids: [...log.recent_ids, entry.id].slice(-RECENT_IDS),
    }
    await store(entry, next)
    return 'appended'
  })
}

async function makeEntry(log: LogRow, draft: Draft): Promise<EntryRow> {
  const at = (draft.at ?? new Date()).toISOString()
  const content: Payload = {
    v: 1,
    id: draft.id,
    log: log.log,
    device: log.device,
    user: log.user,
    seq: log.next_seq,
    prev: log.last_hash,
    kind: draft.kind,
    at,
    body: draft.body,
  }
  const payload = JSON.stringify(content)
  const bytes = byteLength(payload)
  if (bytes > MAX_PAYLOAD_BYTES) throw new EntryTooLarge(bytes)
  return {
    id: draft.id,
    user: log.user,
    log: log.log,
    seq: log.next_seq,
    kind: draft.kind,
    at,
    payload,
    signature: await sign(payload, log.keys.privateKey),
    body: JSON.parse(JSON.stringify(draft.body)) as Record<string, unknown>, // plain data, never a proxy of the UI
  }
}

async function store(entry: EntryRow, next: LogRow): Promise<void> {
  const transaction = (await database()).transaction(['entries', 'logs'], 'readwrite', { durability: 'strict' })
  const logs = transaction.objectStore('logs')
  const stands = await logs.get(entry.user)
  if (stands?.next_seq !== entry.seq) {
    transaction.abort()
    await transaction.done.catch(() => undefined) // the abort just asked for
    throw new Error('the log was written to without its lock')
  }
  await Promise.all([
    transaction.objectStore('entries').add(entry),
    // registered_at and last_sync_at belong to the sync, which may have changed them meanwhile
    logs.put({ ...next, registered_at: stands.registered_at, last_sync_at: stands.last_sync_at }),
    transaction.done,
  ])
}

/** What a file of unsent entries holds: enough to send them from another machine, or to prove them. */
export interface ExportFile {
  format: 'ironfeet-unsent-1'
  exported_at: string
  user: string
  device: string
  log: string
  entries: { id: string; payload: string; signature: string }[]
  refused: { id: string; problem: string; payload: string | null; signature: string | null }[]
  photos: { sha256: string; type: string; base64: string }[] // the server does not hold them yet
}

/** Everything of *user* on this device that the server does not hold in effect. Removes nothing. */
export async function exportUnsent(user: string, now: Date = new Date()): Promise<ExportFile> {
  const log = await openLog(user)
  const transaction = (await database()).transaction(['entries', 'attention', 'photos', 'photo_bytes'])
  const [entries, refused, photos] = await Promise.all([
    transaction.objectStore('entries').index('by_user').getAll(user),
    transaction.objectStore('attention').index('by_user').getAll(user),
    transaction.objectStore('photos').index('by_user').getAll(user),
  ])
  const missing = photos.filter((photo) => photo.submitted && photo.done_at === null)
  const bytes = await Promise.all(missing.map(({ sha256 }) => transaction.objectStore('photo_bytes').get([user, sha256])))
  await transaction.done
  entries.sort((a, b) => a.seq - b.seq)
  return {
    format: 'ironfeet-unsent-1',
    exported_at: now.toISOString(),
    user,
    device: log.device,
    log: log.log,
    entries: entries.map(({ id, payload, signature }) => ({ id, payload, signature })),
    refused: refused.map(({ id, problem, payload, signature }) => ({ id, problem, payload, signature })),
    photos: missing.map(({ sha256, type }, index) => ({ sha256, type, base64: base64(new Uint8Array(bytes[index]?.bytes ?? [])) })),
  }
}
