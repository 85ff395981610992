/** The page's live connection: its state, the last events in words, and who wants to know of changes. */
import { ref, shallowRef } from 'vue'

import { gapWords, reasonWords, skipWords } from '@/ui/common'
import { named } from '@/ui/language'
import { session } from '@/ui/session'

import { LiveStream, atMostEvery, type LiveState } from './live'
import { checkpointName, may, personName, placeName, walkerName } from './shared'
import { t, type ConsoleKey } from './words'
import type { BoardCheckIn, LiveEvent } from './types'

const FEED_LENGTH = 40
/** A burst of check-ins is one look at the board. */
const RELOAD_EVERY_MS = 1_000

export const liveState = ref<LiveState>('connecting')
/** When the server was last heard: while nothing happens on the street, too. */
export const heardAt = ref<Date | null>(null)
export const liveFeed = shallowRef<readonly (LiveEvent & { key: number })[]>([])

const watchers = new Set<() => void>()
const listeners = new Set<(event: LiveEvent) => void>()
let count = 0
let stream: LiveStream | null = null

/** Calls `reload` after changes, at most once a second; returns how to stop. */
export function onChange(reload: () => void): () => void {
  const watcher = atMostEvery(RELOAD_EVERY_MS, reload)
  watchers.add(watcher)
  return () => watchers.delete(watcher)
}

/** Calls `heard` with each event as it comes; returns how to stop. */
export function onEvent(heard: (event: LiveEvent) => void): () => void {
  listeners.add(heard)
  return () => listeners.delete(heard)
}

/** The page has just heard from the server. */
export function heardNow(): void {
  heardAt.value = new Date()
}

function changed(): void {
  for (const watcher of watchers) watcher()
}

function heard(event: LiveEvent): void {
  count += 1
  liveFeed.value = [{ ...event, key: count }, ...liveFeed.value].slice(0, FEED_LENGTH)
  for (const listener of listeners) listener(event)
  changed()
}

/** Connects, for those who may follow. */
export function startLive(): void {
  if (stream !== null || !may('live.follow')) return
  stream = new LiveStream({
    bearer: () => session.bearer(),
    dropToken: () => session.dropToken(),
    onEvent: heard,
    onStale: changed,
    onState: (state) => {
      liveState.value = state
    },
    onContact: heardNow,
  })
  void stream.run()
}

export function stopLive(): void {
  stream?.stop()
  stream = null
  liveFeed.value = []
}

const SENTENCES = {
  'check_in.recorded': 'feed.check_in',
  'stop.skipped': 'feed.skip',
  'round.started': 'feed.round_started',
  'round.finished': 'feed.round_finished',
  'round.missed': 'feed.round_missed',
  'shift.started': 'feed.shift_started',
  'shift.ended': 'feed.shift_ended',
  'gap.recorded': 'feed.gap',
  'review.decided': 'feed.decided',
  'review.answered': 'feed.answered',
} as const satisfies Record<string, ConsoleKey>

/** True for what a supervisor wants to read as it happens; the rest only refreshes the board. */
export function isTold(event: LiveEvent): boolean {
  return event.action in SENTENCES
}

/** An event as a sentence. */
export function eventSentence(event: LiveEvent): string {
  const { data } = event
  return t(SENTENCES[event.action as keyof typeof SENTENCES], {
    who: personName(text(data['user_id'])) ?? walkerName(event.subject_id) ?? t('feed.somebody'),
    place: placeName(event.place_code),
    checkpoint: checkpointName(data['checkpoint_id']) ?? t('feed.a_checkpoint'),
    result: resultWords(data),
  })
}

/** A check-in of the board in the words in which it would have been told. */
export function checkInSentence(one: BoardCheckIn): string {
  return t('feed.check_in', {
    who: personName(one.user_id) ?? walkerName(one.round_id) ?? t('feed.somebody'),
    checkpoint: named(one.checkpoint_name, one.checkpoint_name_en),
    result: resultWords({ grade: one.grade, reasons: one.reasons }),
  })
}

function resultWords(data: Record<string, unknown>): string {
  const cause = text(data['cause'])
  if (cause !== null) return gapWords(cause)
  const skipped = text(data['reason'])
  if (skipped !== null) return skipWords(skipped)
  if (data['decision'] === 'accepted' || data['decision'] === 'rejected') return t(`review.did_${data['decision']}`)
  if (data['outcome'] === 'early') return t('detail.early')
  if (data['outcome'] === 'automatic') return t('detail.closed_automatically')
  const reasons = Array.isArray(data['reasons']) ? data['reasons'].filter((one) => typeof one === 'string') : []
  if (data['grade'] === 'verified') return t('feed.verified')
  if (data['grade'] !== 'doubtful') return ''
  return t('feed.doubtful', { reasons: reasons.map(reasonWords).join(t('list.and')) })
}

function text(value: unknown): string | null {
  return typeof value === 'string' ? value : null
}
