/**
 * Which positions of a walk are kept, and what a stretch without positions is called. A pure state
 * machine: `step` takes what happened and gives the new state and the entries to write.
 *
 * A browser gives no positions while the screen is off. Such a stretch is a gap with its honest cause,
 * never an absence.
 */
import { distanceM } from './geo'
import type { Fix } from './proof'

export type GapCause = 'screen_off' | 'no_signal' | 'permission' | 'app_closed' | 'clock_changed' | 'unknown'

/** An entry to write. Its id is fixed in the state, so that writing it twice is writing it once. */
export interface TrackEntry {
  id: string
  kind: 'track' | 'gap'
  body: Record<string, unknown>
}

export interface TrackState {
  shift: string
  round: string | null
  batch_id: string | null // id of the entry that the buffered fixes will become
  buffer: Fix[]
  buffer_since: number // when the first of them came, milliseconds
  kept: { at: number; lat: number; lon: number } | null // the last fix that was kept
  heard_at: number // until when positions came
  causes: GapCause[] // what has happened since then
  pending: TrackEntry[] // to be written; kept here until they are
}

/** Something that happened; `now` is this phone's clock in milliseconds. */
export type TrackEvent =
  | { type: 'fix'; fix: Fix; now: number }
  | { type: 'tick'; now: number }
  | { type: 'hidden'; now: number }
  | { type: 'error'; cause: 'permission' | 'no_signal'; now: number }
  | { type: 'restarted'; now: number }
  | { type: 'clock_changed'; now: number }
  | { type: 'round'; round: string | null; now: number }
  | { type: 'stop'; now: number }

export const BATCH_FIXES = 20
export const BATCH_MS = 30_000
export const GAP_MS = 60_000
const STEP_M = 10 // a fix nearer than this to the last kept one says nothing new …
const STEP_MS = 3_000
const STILL_MS = 50_000 // … except that the person is still there
const MAX_ACCURACY_M = 100_000

// Where several things happened in one gap, the first of these explains it best
const EXPLAINS: GapCause[] = ['app_closed', 'permission', 'clock_changed', 'screen_off', 'no_signal']

/** A track that begins now. */
export function beginTrack(shift: string, round: string | null, now: number): TrackState {
  return { shift, round, batch_id: null, buffer: [], buffer_since: 0, kept: null, heard_at: now, causes: [], pending: [] }
}

/** The state after *event*; entries to write are in `pending`. */
export function step(state: TrackState, event: TrackEvent, newId: () => string): TrackState {
  switch (event.type) {
    case 'fix':
      return take(state, event.fix, event.now, newId)
    case 'tick':
      return due(state, event.now) ? closeBatch(state) : state
    case 'hidden':
      return because(closeBatch(state), 'screen_off')
    case 'error':
      return because(state, event.cause)
    case 'restarted':
      return because(closeBatch(state), 'app_closed')
    case 'clock_changed':
      return changeClock(closeBatch(state), event.now, newId)
    case 'round':
      if (event.round === state.round) return state
      return { ...closeGap(closeBatch(state), event.now, newId), round: event.round }
    case 'stop':
      return closeGap(closeBatch(state), event.now, newId)
  }
}

/** The state once the entries in `pending` are written. */
export function written(state: TrackState): TrackState {
  return { ...state, pending: [] }
}

function take(state: TrackState, raw: Fix, now: number, newId: () => string): TrackState {
  const at = Date.parse(raw.at)
  if (state.kept && at <= state.kept.at) return state // the browser's remembered position, once more
  const heard = closeGap(state, now, newId)
  if (!newsworthy(heard, raw, at)) return heard
  const fix: Fix = { ...raw, acc: Math.min(raw.acc, MAX_ACCURACY_M) }
  const filled: TrackState = {
    ...heard,
    batch_id: heard.batch_id ?? newId(),
    buffer: [...heard.buffer, fix],
    buffer_since: heard.buffer.length === 0 ? now : heard.buffer_since,
    kept: { at, lat: fix.lat, lon: fix.lon },
  }
  return due(filled, now) ? closeBatch(filled) : filled
}

function newsworthy(state: TrackState, fix: Fix, at: number): boolean {
  if (!state.kept) return true
  const waited = at - state.kept.at
  return waited >= STILL_MS || (waited >= STEP_MS && distanceM(state.kept, fix) >= STEP_M)
}

function due(state: TrackState, now: number): boolean {
  if (state.buffer.length === 0) return false
  return state.buffer.length >= BATCH_FIXES || now - state.buffer_since >= BATCH_MS
}

function closeBatch(state: TrackState): TrackState {
  if (state.batch_id === null || state.buffer.length === 0) return state
  const body = { shift: state.shift, round: state.round, fixes: state.buffer }
  return { ...state, batch_id: null, buffer: [], pending: [...state.pending, { id: state.batch_id, kind: 'track', body }] }
}

function because(state: TrackState, cause: GapCause): TrackState {
  return state.causes.includes(cause) ? state : { ...state, causes: [...state.causes, cause] }
}

/** Positions are known up to *now*: where they were missing for long, say so and why. */
function closeGap(state: TrackState, now: number, newId: () => string): TrackState {
  const missing = now - state.heard_at
  const clear = { ...state, heard_at: now, causes: [] }
  if (missing < GAP_MS) return clear
  const cause = EXPLAINS.find((candidate) => state.causes.includes(candidate)) ?? 'unknown'
  const before = closeBatch(clear)
  return { ...before, pending: [...before.pending, gap(before, state.heard_at, now, cause, newId)] }
}

function changeClock(state: TrackState, now: number, newId: () => string): TrackState {
  const [from, to] = [Math.min(state.heard_at, now), Math.max(state.heard_at, now)]
  return {
    ...state,
    kept: null, // its time can no longer be compared
    heard_at: now,
    causes: [],
    pending: [...state.pending, gap(state, from, to, 'clock_changed', newId)],
  }
}

function gap(state: TrackState, from: number, to: number, cause: GapCause, newId: () => string): TrackEntry {
  const body = {
    shift: state.shift,
    round: state.round,
    from: new Date(from).toISOString(),
    to: new Date(to).toISOString(),
    cause,
  }
  return { id: newId(), kind: 'gap', body }
}
