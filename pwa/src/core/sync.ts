/**
 * Drains the log to the server: oldest first, one request at a time, one tab at a time. An entry leaves
 * the phone only when the server has answered for exactly this entry.
 */
import { byteLength, publicKeyText } from './chain'
import {
  database,
  type AttentionRow,
  type EntryRow,
  type HeldRow,
  type LogRow,
  type SettledRow,
} from './db'
import { ApiProblem, Unreachable } from './http'
import { ifFree } from './locks'
import { openLog } from './log'
import type { SyncAnswer, SyncResult } from './types'

export const MAX_ENTRIES = 500
export const MAX_BYTES = 1_000_000
const WRAPPING_BYTES = 200 // id, signature and punctuation around a payload, beside its escapes

export interface SyncRequest {
  log: string
  sent_at: string
  entries: { id: string; payload: string; signature: string }[]
}

export interface Server {
  register(log: string, body: { device_id: string; public_key: string; label: string }): Promise<unknown>
  sync(request: SyncRequest): Promise<SyncAnswer>
}

export type Flushed =
  | { outcome: 'drained'; sent: number }
  | { outcome: 'busy' } // another tab is at it
  | { outcome: 'failed'; sent: number; error: ApiProblem | Unreachable }

/** Send everything *user* has; resolves when nothing is left or something stands in the way. */
export async function flush(user: string, server: Server, label: string): Promise<Flushed> {
  const done = await ifFree(`ironfeet-sync-${user}`, () => drain(user, server, label))
  return done ?? { outcome: 'busy' }
}

async function drain(user: string, server: Server, label: string): Promise<Flushed> {
  let sent = 0
  let limit = MAX_ENTRIES
  for (;;) {
    try {
      const log = await registered(user, server, label)
      const batch = await oldest(log, limit)
      if (batch.length === 0) return { outcome: 'drained', sent }
      const answer = await server.sync({
        log: log.log,
        sent_at: new Date().toISOString(),
        entries: batch.map(({ id, payload, signature }) => ({ id, payload, signature })),
      })
      const settled = await settle(log, batch, answer)
      if (settled === 0) return { outcome: 'failed', sent, error: new Unreachable(new Error('no result for any entry')) }
      sent += settled
    } catch (error) {
      if (!(error instanceof ApiProblem) && !(error instanceof Unreachable)) throw error
      if (error instanceof ApiProblem && error.slug === 'log-unknown') await forgetRegistration(user)
      // The whole request was turned down: a smaller one finds the entry that it is about
      if (error instanceof ApiProblem && [400, 413, 422].includes(error.status) && limit > 1) {
        limit = Math.floor(limit / 2)
        continue
      }
      return { outcome: 'failed', sent, error }
    }
  }
}

/** The log with its key known to the server. */
async function registered(user: string, server: Server, label: string): Promise<LogRow> {
  const log = await openLog(user)
  if (log.registered_at !== null) return log
  await server.register(log.log, { device_id: log.device, public_key: await publicKeyText(log.keys), label })
  return changeLog(user, { registered_at: new Date().toISOString() })
}

async function forgetRegistration(user: string): Promise<void> {
  await changeLog(user, { registered_at: null })
}

async function changeLog(user: string, change: Partial<LogRow>): Promise<LogRow> {
  const transaction = (await database()).transaction('logs', 'readwrite')
  const row = await transaction.store.get(user)
  if (!row) throw new Error('there is no log to change')
  const changed = { ...row, ...change }
  await transaction.store.put(changed)
  await transaction.done
  return changed
}

/** The oldest entries that fit into one request. */
async function oldest(log: LogRow, limit: number): Promise<EntryRow[]> {
  const range = IDBKeyRange.bound([log.log, 0], [log.log, Number.MAX_SAFE_INTEGER])
  const rows = await (await database()).getAllFromIndex('entries', 'by_log', range, limit)
  let bytes = 0
  const fits = rows.findIndex((row) => {
    bytes += byteLength(JSON.stringify(row.payload)) + WRAPPING_BYTES
    return bytes > MAX_BYTES
  })
  return fits === -1 ? rows : rows.slice(0, Math.max(1, fits))
}

/** Store what the server said, in one transaction; returns how many entries have left the phone. */
async function settle(log: LogRow, batch: EntryRow[], answer: SyncAnswer): Promise<number> {
  const sent = new Map(batch.map((entry) => [entry.id, entry]))
  const transaction = (await database()).transaction(['entries', 'attention', 'held', 'settled', 'logs'], 'readwrite', {
    durability: 'strict',
  })
  const entries = transaction.objectStore('entries')
  const held = transaction.objectStore('held')
  let gone = 0
  const keep = async (known: EntryRow | HeldRow, verdict: Verdict) => {
    if (verdict.status === 'held') await held.put(heldRow(known, verdict))
    else await held.delete(known.id)
    if (verdict.status === 'refused') await transaction.objectStore('attention').put(attentionRow(known, verdict))
    if (verdict.status === 'applied') await transaction.objectStore('settled').put(settledRow(known, verdict))
  }
  for (const result of answer.results) {
    const entry = sent.get(result.id)
    const verdict = verdictOf(result)
    if (!entry || !verdict) continue // not an answer for anything that was asked: the entry stays
    sent.delete(result.id)
    await keep(entry, verdict)
    await entries.delete(entry.id)
    gone += 1
  }
  for (const result of answer.resolved) {
    const waited = await held.get(result.id)
    const verdict = verdictOf(result)
    if (waited && verdict) await keep(waited, verdict)
  }
  const row = await transaction.objectStore('logs').get(log.user)
  if (row) await transaction.objectStore('logs').put({ ...row, last_sync_at: new Date().toISOString() })
  await transaction.done
  return gone
}

type Verdict = Pick<SyncResult, 'grade' | 'reasons' | 'problem' | 'detail' | 'waits_for'> & {
  status: 'applied' | 'held' | 'refused'
}

/** What became of an entry; for one that was stored before, what became of it then. */
function verdictOf(result: SyncResult): Verdict | null {
  const said = result.status === 'already' ? (result.was ?? { status: 'applied' as const }) : result
  switch (said.status) {
    case 'applied':
    case 'held':
    case 'refused':
      return { ...said, status: said.status }
    case 'already':
      return { ...said, status: 'applied' }
    default:
      return null // a word of a newer server: wait for a newer app
  }
}

function heldRow(known: EntryRow | HeldRow, verdict: Verdict): HeldRow {
  const { id, user, kind, at, body } = known
  return { id, user, kind, at, body, waits_for: verdict.waits_for ?? null, held_at: new Date().toISOString() }
}

function attentionRow(known: EntryRow | HeldRow, verdict: Verdict): AttentionRow {
  const { id, user, kind, at, body } = known
  const signed = 'payload' in known ? known : { payload: null, signature: null }
  return {
    ...{ id, user, kind, at, body },
    payload: signed.payload,
    signature: signed.signature,
    problem: (verdict.problem ?? 'server-error').replace(/^.*\/problems\//, ''),
    detail: verdict.detail ?? '',
    refused_at: new Date().toISOString(),
  }
}

function settledRow(known: EntryRow | HeldRow, verdict: Verdict): SettledRow {
  const { id, user, kind, at, body } = known
  return { id, user, kind, at, body, grade: verdict.grade ?? null, reasons: verdict.reasons ?? [], settled_at: Date.now() }
}

const FIRST_WAIT_MS = 2_000
const LONGEST_WAIT_MS = 300_000

/** How long to wait after *failures* failures in a row: doubling, with jitter so that phones spread out. */
export function backoffMs(failures: number, retryAfterS: number | null, random: number): number {
  const doubled = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.max(0, failures - 1))
  const asked = (retryAfterS ?? 0) * 1000
  return Math.max(asked, doubled * (0.5 + random / 2))
}
