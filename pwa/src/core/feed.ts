/**
 * What the person sees: the server's last word with everything of the phone's own log laid over it, so
 * that the screen is right without network. Pure, except for the two functions at the end.
 */
import { database, type EntryRow, type HeldRow, type Kept, type SettledRow } from './db'
import type { Decision, Feed, FieldRound, Grade, Reason, RefusedEntry, SkipReason, Stop, StopCheckIn } from './types'

/** Where an act stands: on the phone only, waiting on the server, or in effect there. */
export type Standing = 'phone' | 'waiting' | 'server'

/** An act of this phone that the feed may not know yet. */
export interface LocalAct {
  id: string
  kind: string
  at: string
  body: Record<string, unknown>
  standing: Standing
  grade: Grade | null
  reasons: Reason[]
}

export interface SeenCheckIn extends Omit<StopCheckIn, 'grade'> {
  grade: Grade | null // null while only the server can say
  standing: Standing
}

export type StopState = 'todo' | 'visited' | 'doubtful' | 'skipped'

export interface SeenStop extends Omit<Stop, 'check_ins'> {
  check_ins: SeenCheckIn[]
  state: StopState
}

export interface SeenRound extends Omit<FieldRound, 'stops'> {
  stops: SeenStop[]
}

export interface SeenShift {
  id: string
  started_at: string
  place_code: string | null
  standing: Standing
}

export interface SeenDecision extends Decision {
  answer_standing: Standing | null
}

export interface Seen {
  shift: SeenShift | null
  shift_max_hours: number
  rounds: SeenRound[]
  decisions: SeenDecision[]
  refused: RefusedEntry[] // as the server remembers them
}

export const DEFAULT_SHIFT_HOURS = 12

/** The acts that may be newer than the feed, in the order in which they happened. */
export function localActs(kept: Pick<Kept, 'entries' | 'held' | 'settled'>): LocalAct[] {
  const byTime = <Row extends { at: string; id: string }>(rows: Row[]) =>
    [...rows].sort((a, b) => a.at.localeCompare(b.at) || a.id.localeCompare(b.id))
  const act = (row: EntryRow | HeldRow | SettledRow, standing: Standing): LocalAct => ({
    id: row.id,
    kind: row.kind,
    at: row.at,
    body: row.body,
    standing,
    grade: 'grade' in row ? row.grade : null,
    reasons: 'reasons' in row ? row.reasons : [],
  })
  return [
    ...byTime(kept.settled).map((row) => act(row, 'server')),
    ...byTime(kept.held).map((row) => act(row, 'waiting')),
    ...[...kept.entries].sort((a, b) => a.seq - b.seq).map((row) => act(row, 'phone')),
  ]
}

/** Lay *acts* over *feed*. Acts that the feed knows already change nothing. */
export function merge(feed: Feed | null, acts: readonly LocalAct[]): Seen {
  const seen: Seen = {
    shift: feed?.shift ? { ...feed.shift, standing: 'server' } : null,
    shift_max_hours: feed?.shift_max_hours ?? DEFAULT_SHIFT_HOURS,
    rounds: (feed?.rounds ?? []).map(seenRound),
    decisions: (feed?.decisions ?? []).map((decision) => ({
      ...decision,
      answer_standing: decision.answer ? 'server' : null,
    })),
    refused: feed?.refused ?? [],
  }
  for (const act of acts) overlay(seen, act)
  for (const round of seen.rounds) for (const stop of round.stops) stop.state = stateOf(stop)
  return seen
}

function seenRound(round: FieldRound): SeenRound {
  return {
    ...round,
    stops: round.stops.map((stop) => ({
      ...stop,
      state: 'todo',
      check_ins: stop.check_ins.map((visit) => ({ ...visit, standing: 'server' })),
    })),
  }
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function overlay(seen: Seen, act: LocalAct): void {
  const round = seen.rounds.find((candidate) => candidate.id === act.body.round)
  const stop = round?.stops.find((candidate) => candidate.ordinal === act.body.stop)
  switch (act.kind) {
    case 'shift_started':
      seen.shift = { id: act.id, started_at: act.at, place_code: text(act.body.place) || null, standing: act.standing }
      return
    case 'shift_ended':
      if (seen.shift?.id === act.body.shift) seen.shift = null
      return
    case 'round_started':
      if (round && (round.state === 'planned' || round.state === 'missed')) {
        round.state = 'started'
        round.started_at = act.at
      }
      return
    case 'round_finished':
      if (round) finish(round, act)
      return
    case 'check_in':
      if (stop) visit(stop, act)
      return
    case 'stop_skipped':
      if (stop) stop.skip = { reason: act.body.reason as SkipReason, text: text(act.body.text) }
      return
    case 'review_answered':
      answer(seen, act)
      return
    default: // tracks and gaps are not shown here
  }
}

function finish(round: SeenRound, act: LocalAct): void {
  if (round.state === 'finished' || (round.state === 'ended_early' && !round.ended_automatically)) return
  round.ended_automatically = false
  round.state = act.body.outcome === 'complete' ? 'finished' : 'ended_early'
  round.started_at ??= act.at
  round.finished_at = act.at
  round.end_reason = text(act.body.reason) || null
}

function visit(stop: SeenStop, act: LocalAct): void {
  if (stop.check_ins.some((known) => known.id === act.id)) return
  stop.check_ins.push({
    id: act.id,
    captured_at: act.at,
    grade: act.grade,
    reasons: act.reasons,
    review_state: act.grade === 'doubtful' ? 'pending' : 'none',
    standing: act.standing,
  })
}

function answer(seen: Seen, act: LocalAct): void {
  const decision = seen.decisions.find((candidate) => candidate.proof_id === act.body.proof)
  if (!decision || decision.answer) return
  decision.answer = { text: text(act.body.text), answered_at: act.at }
  decision.answer_standing = act.standing
  decision.review_state = 'answered'
}

/** A stop counts as visited by its best check-in; a supervisor's acceptance makes a doubtful one good. */
function stateOf(stop: SeenStop): StopState {
  if (stop.check_ins.length === 0) return stop.skip ? 'skipped' : 'todo'
  const settled = (visitOf: SeenCheckIn) => visitOf.grade !== 'doubtful' || visitOf.review_state === 'accepted'
  return stop.check_ins.some(settled) ? 'visited' : 'doubtful'
}

/** How far a round has come: stops reached, and stops given up with a reason. */
export function progressOf(round: SeenRound): { reached: number; skipped: number; open: number } {
  const count = (...states: StopState[]): number => round.stops.filter((stop) => states.includes(stop.state)).length
  return { reached: count('visited', 'doubtful'), skipped: count('skipped'), open: count('todo') }
}

/** How many there are of each kind, the most frequent first. */
export function kindCounts(rows: readonly { kind: string }[]): [kind: string, count: number][] {
  const counts = new Map<string, number>()
  for (const { kind } of rows) counts.set(kind, (counts.get(kind) ?? 0) + 1)
  return [...counts].sort(([, a], [, b]) => b - a)
}

/** The stop to walk to: the first open one of an ordered round, else the nearest open one. */
export function nextStop(round: SeenRound, distanceTo: (stop: SeenStop) => number | null): SeenStop | null {
  const open = round.stops.filter((stop) => stop.state === 'todo')
  if (round.ordered) return open[0] ?? null
  const near = [...open].sort((a, b) => (distanceTo(a) ?? Infinity) - (distanceTo(b) ?? Infinity))
  return near[0] ?? null
}

/** When a shift ends by itself, in milliseconds. */
export function shiftEndsAt(shift: Pick<SeenShift, 'started_at'>, maxHours: number): number {
  return Date.parse(shift.started_at) + maxHours * 3_600_000
}

/**
 * Keep *feed*, asked for at *askedAt* (this device's clock, milliseconds), and drop the acts that it must
 * already contain: those that the server had answered for before it was asked.
 */
export async function keepFeed(user: string, feed: Feed, askedAt: number): Promise<void> {
  const transaction = (await database()).transaction(['feeds', 'settled'], 'readwrite')
  const settled = transaction.objectStore('settled')
  for (const row of await settled.index('by_user').getAll(user)) {
    if (row.settled_at < askedAt) await settled.delete(row.id)
  }
  await transaction.objectStore('feeds').put({ user, feed, fetched_at: new Date(askedAt).toISOString() })
  await transaction.done
}

/** The person has read why an entry was refused: it may go from this phone. The server keeps it. */
export async function dismissRefused(user: string, id: string): Promise<void> {
  const transaction = (await database()).transaction(['attention', 'meta'], 'readwrite')
  const key = readRefusedKey(user)
  const meta = transaction.objectStore('meta')
  const read = ((await meta.get(key)) as string[] | undefined) ?? []
  await meta.put([...read.filter((other) => other !== id), id].slice(-500), key)
  await transaction.objectStore('attention').delete(id)
  await transaction.done
}

/** Name under which the ids of refused entries that a person has read are kept. */
export function readRefusedKey(user: string): string {
  return `read_refused:${user}`
}
