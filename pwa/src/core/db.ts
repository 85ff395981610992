/**
 * The one IndexedDB module: everything that a phone keeps. Nothing here judges; `log.ts`, `sync.ts` and
 * `feed.ts` say what the rows mean.
 */
import { openDB, type DBSchema, type IDBPDatabase } from 'idb'

import type { Fix } from './proof'
import type { Feed, Grade, Reason, User } from './types'

/** A person's log on this device: where its chain stands and the key that signs it. */
export interface LogRow {
  user: string
  log: string
  device: string
  keys: CryptoKeyPair
  next_seq: number
  last_hash: string // of the entry next_seq − 1; 64 zeros before the first
  recent_ids: string[] // the newest ids, so that a second tap on one form makes no second entry
  registered_at: string | null // when the server confirmed the key
  last_sync_at: string | null // when the server last stored results
}

/** An entry that the server has not answered for. */
export interface EntryRow {
  id: string
  user: string
  log: string
  seq: number
  kind: string
  at: string
  payload: string
  signature: string
  body: Record<string, unknown>
}

/** An entry that the server refused; kept until the person has read it. */
export interface AttentionRow {
  id: string
  user: string
  kind: string
  at: string
  body: Record<string, unknown>
  payload: string | null // null where the entry was held before: the server has it
  signature: string | null
  problem: string
  detail: string
  refused_at: string
}

/** An entry that the server keeps until its parent arrives. */
export interface HeldRow {
  id: string
  user: string
  kind: string
  at: string
  body: Record<string, unknown>
  waits_for: string | null
  held_at: string
}

/** An entry in effect on the server, remembered until a newer feed shows it. */
export interface SettledRow {
  id: string
  user: string
  kind: string
  at: string
  body: Record<string, unknown>
  grade: Grade | null
  reasons: Reason[]
  settled_at: number // this device's clock, milliseconds
}

export interface FeedRow {
  user: string
  feed: Feed
  fetched_at: string
}

/** A photo that the server does not hold for good yet. Its bytes lie by themselves, as they are large. */
export interface PhotoRow {
  user: string
  sha256: string
  type: string
  size: number
  owners: string[] // ids of the entries and drafts that name it
  submitted: boolean // an entry in the log names it: it has to reach the server
  sent: number // bytes that the server has said it holds
  done_at: string | null // when the server said that it holds all of it
  problem: string | null // why the server never will: the slug of its refusal
}

export interface PhotoBytes {
  user: string
  sha256: string
  bytes: ArrayBuffer
}

/** A photo as a form holds it, and as it goes into an entry. */
export interface DraftPhoto {
  sha256: string
  role: 'before' | 'after' | 'verify' | 'note'
  at: string
  fix: Fix | null
}

/** A form that has been begun and not sent; the page may be killed at any time, for instance by the camera. */
export interface DraftRow {
  id: string // of the entry that it will become
  user: string
  kind: string
  about: string | null // the case that it is about
  form: Record<string, unknown>
  photos: DraftPhoto[]
  updated_at: string
}

interface Schema extends DBSchema {
  meta: { key: string; value: unknown }
  logs: { key: string; value: LogRow }
  entries: { key: string; value: EntryRow; indexes: { by_log: [string, number]; by_user: string } }
  attention: { key: string; value: AttentionRow; indexes: { by_user: string } }
  held: { key: string; value: HeldRow; indexes: { by_user: string } }
  settled: { key: string; value: SettledRow; indexes: { by_user: string } }
  feeds: { key: string; value: FeedRow }
  photos: { key: [string, string]; value: PhotoRow; indexes: { by_user: string } }
  photo_bytes: { key: [string, string]; value: PhotoBytes }
  drafts: { key: string; value: DraftRow; indexes: { by_user: string } }
}

export type Database = IDBPDatabase<Schema>

const NAME = 'ironfeet'
const VERSION = 2

let opened: Promise<Database> | null = null

/** The database; opened once. */
export function database(): Promise<Database> {
  opened ??= openDB<Schema>(NAME, VERSION, {
    upgrade(db, from) {
      if (from < 1) firstStores(db)
      if (from < 2) photoStores(db)
    },
    // A newer version in another tab wants to change the layout: make room, this tab reloads by itself
    blocking: () => void closeDatabase(),
    terminated: () => {
      opened = null
    },
  })
  opened.catch(() => {
    opened = null
  })
  return opened
}

function firstStores(db: Database): void {
  db.createObjectStore('meta')
  db.createObjectStore('logs', { keyPath: 'user' })
  const entries = db.createObjectStore('entries', { keyPath: 'id' })
  entries.createIndex('by_log', ['log', 'seq'], { unique: true })
  entries.createIndex('by_user', 'user')
  for (const name of ['attention', 'held', 'settled'] as const) {
    db.createObjectStore(name, { keyPath: 'id' }).createIndex('by_user', 'user')
  }
  db.createObjectStore('feeds', { keyPath: 'user' })
}

function photoStores(db: Database): void {
  db.createObjectStore('photos', { keyPath: ['user', 'sha256'] }).createIndex('by_user', 'user')
  db.createObjectStore('photo_bytes', { keyPath: ['user', 'sha256'] })
  db.createObjectStore('drafts', { keyPath: 'id' }).createIndex('by_user', 'user')
}

/** Close the database; the next use opens it again. */
export async function closeDatabase(): Promise<void> {
  const open = opened
  opened = null
  if (open) (await open).close()
}

/** True where *error* says that the device has no room left. */
export function isFull(error: unknown): boolean {
  return error instanceof Error && (error.name === 'QuotaExceededError' || /quota/i.test(error.message))
}

/** A small value kept under a name. */
export async function readMeta<T>(key: string): Promise<T | null> {
  return ((await (await database()).get('meta', key)) as T | undefined) ?? null
}

export async function writeMeta(key: string, value: unknown): Promise<void> {
  await (await database()).put('meta', value, key)
}

export async function removeMeta(key: string): Promise<void> {
  await (await database()).delete('meta', key)
}

/** Who was signed in last on this device. */
export function readLastUser(): Promise<User | null> {
  return readMeta<User>('last_user')
}

export async function writeLastUser(user: User | null): Promise<void> {
  if (user) await writeMeta('last_user', user)
  else await removeMeta('last_user')
}

/** Everything of one person that the UI shows, read in one transaction so that nothing is seen twice. */
export interface Kept {
  feed: FeedRow | null
  log: LogRow | null
  entries: EntryRow[]
  held: HeldRow[]
  settled: SettledRow[]
  attention: AttentionRow[]
  photos: PhotoRow[]
  drafts: DraftRow[]
}

export async function readKept(user: string): Promise<Kept> {
  const stores = ['feeds', 'logs', 'entries', 'held', 'settled', 'attention', 'photos', 'drafts'] as const
  const transaction = (await database()).transaction(stores)
  const [feed, log, entries, held, settled, attention, photos, drafts] = await Promise.all([
    transaction.objectStore('feeds').get(user),
    transaction.objectStore('logs').get(user),
    transaction.objectStore('entries').index('by_user').getAll(user),
    transaction.objectStore('held').index('by_user').getAll(user),
    transaction.objectStore('settled').index('by_user').getAll(user),
    transaction.objectStore('attention').index('by_user').getAll(user),
    transaction.objectStore('photos').index('by_user').getAll(user),
    transaction.objectStore('drafts').index('by_user').getAll(user),
    transaction.done,
  ])
  entries.sort((a, b) => a.seq - b.seq)
  return { feed: feed ?? null, log: log ?? null, entries, held, settled, attention, photos, drafts }
}
