/** The field app's words, and how it says times and distances. */
import type { SeenCase } from '@/core/cases'
import { progressOf, type SeenRound } from '@/core/feed'
import { clockTime, dayPhrase, distancePhrase, durationPhrase, momentPhrase } from '@/core/format'
import en from '@/messages/field.en.json'
import zh from '@/messages/field.zh.json'
import { common } from '@/ui/common'
import { named, words } from '@/ui/language'

import { now } from './clock'

export type FieldKey = keyof typeof zh

export const t = words<FieldKey>(zh, en)

/** Words for a kind of entry, for example "check-in"; null where the server could not read the entry. */
export function kindWords(kind: string | null): string {
  if (kind === null) return t('kind.unreadable')
  const key = `kind.${kind}`
  return key in zh ? t(key as FieldKey) : kind
}

/** What has not left the phone, counted: records, photos, or both. */
export function unsentWords(records: number, photos: number): string {
  if (photos === 0) return records === 0 ? t('sync.nothing') : t('sync.unsent', { n: records })
  return records === 0 ? t('sync.unsent_photos', { n: photos }) : t('sync.unsent_both', { n: records, p: photos })
}

/** How far a round has come, in the words of the console: reached 5 of 6, skipped 1. */
export function progressWords(round: SeenRound): string {
  const { reached, skipped } = progressOf(round)
  const done = t('round.progress', { done: reached, all: round.stops.length })
  return skipped === 0 ? done : t('round.progress_skipped', { done, n: skipped })
}

/** Who was asked to check the case; empty where nobody is waited for. */
export function askedWords({ state, verifier, my_part }: Pick<SeenCase, 'state' | 'verifier' | 'my_part'>): string {
  if (state !== 'resolved' || !verifier) return ''
  return my_part === 'verifier' ? t('case.asked_you') : t('case.asked', { name: named(verifier.display_name, verifier.display_name_en) })
}

/** A moment as people say it, kept up to date while it is on screen. */
export function sayMoment(moment: string | Date): string {
  const { key, values } = momentPhrase(new Date(moment), new Date(now.value))
  return common(key, values)
}

/** A moment with its day. */
export function sayDay(moment: string | Date): string {
  const { key, values } = dayPhrase(new Date(moment), new Date(now.value))
  return common(key, values)
}

export function sayClock(moment: string | Date): string {
  return clockTime(new Date(moment))
}

export function sayDistance(metres: number): string {
  const { key, values } = distancePhrase(metres)
  return common(key, values)
}

export function sayDuration(milliseconds: number): string {
  const { key, values } = durationPhrase(milliseconds)
  return common(key, values)
}
