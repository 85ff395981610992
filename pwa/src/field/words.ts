/** The field app's words, and how it says times and distances. */
import type { OpenRequest, SeenCase } from '@/core/cases'
import { progressOf, type SeenRound } from '@/core/feed'
import { clockTime, dayPhrase, distancePhrase, durationPhrase, momentPhrase } from '@/core/format'
import en from '@/messages/field.en.json'
import zh from '@/messages/field.zh.json'
import { limitWords } from '@/ui/caseWords'
import { common, problemWords } from '@/ui/common'
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

/** What waits for approval; *unit* is that in which more time is counted. */
export function waitsWords({ kind, amount, until }: OpenRequest, unit: string): string {
  if (kind === 'hold') return until === null ? t('case.waits_hold') : t('case.waits_hold_until', { when: sayDay(until) })
  return t('case.waits_extension', { amount: limitWords(amount ?? 0, unit) })
}

const ASKING: readonly (string | null)[] = ['case_hold_asked', 'case_extension_asked']

/** Why the server did not take an entry of *kind*. Two requests at a time are the usual way to be refused one. */
export function refusalWords(kind: string | null, problem: string): string {
  if (ASKING.includes(kind) && problem.endsWith('step-not-now')) return t('attention.asked_not_now')
  return problemWords(problem)
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
