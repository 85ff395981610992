/** The console's words, and the sentences put together from them. */
import { clockTime, dayPhrase, distancePhrase, durationPhrase, momentPhrase, streetDay } from '@/core/format'
import en from '@/messages/console.en.json'
import zh from '@/messages/console.zh.json'
import { common, reasonWords } from '@/ui/common'
import { words } from '@/ui/language'

import { readRule, windowEnd, type RulePhrase, type Weekday } from './recurrence'
import type { ReviewItem, Schedule } from './types'

export type ConsoleKey = keyof typeof zh

export const t = words<ConsoleKey>(zh, en)

function has(key: string): key is ConsoleKey {
  return key in zh
}

/** 09:05 on the street. */
export function clock(at: string): string {
  return clockTime(new Date(at))
}

/** today 09:05 */
export function day(at: string, now: Date): string {
  const phrase = dayPhrase(new Date(at), now)
  return common(phrase.key, phrase.values)
}

/** 5 minutes ago */
export function ago(at: string, now: Date): string {
  const phrase = momentPhrase(new Date(at), now)
  return common(phrase.key, phrase.values)
}

export function metres(figure: number): string {
  const phrase = distancePhrase(figure)
  return common(phrase.key, phrase.values)
}

/** 40 s, 25 min, 3 h 5 min; for any sign. */
export function seconds(figure: number): string {
  const length = Math.abs(figure)
  if (length < 60) return t('duration.seconds', { n: Math.round(length) })
  const phrase = durationPhrase(length * 1000)
  return common(phrase.key, phrase.values)
}

/** 08:30–11:30 */
export function span(from: string, to: string): string {
  const next = streetDay(new Date(from)) === streetDay(new Date(to)) ? '' : t('plan.next_day')
  return `${clock(from)}–${next}${clock(to)}`
}

/** What happened, for the ledger's list. */
export function actionWords(action: string): string {
  const key = `action.${action}`
  return has(key) ? t(key) : action
}

/** What a message about a case was. */
export function toldWords(kind: string): string {
  const key = `told.${kind}`
  return has(key) ? t(key) : kind
}

export function subjectWords(kind: string): string {
  const key = `subject.${kind}`
  return has(key) ? t(key) : kind
}

export function tagWords(state: string): string {
  const key = `tag_state.${state}`
  return has(key) ? t(key) : state
}

export function kindWords(kind: string): string {
  const key = `kind.${kind}`
  return has(key) ? t(key) : kind
}

/** A reason for doubt as a sentence with the figures it rests on. */
export function reasonSentence(reason: string, item: ReviewItem): string {
  const key = `why.${reason}`
  if (!has(key)) return reasonWords(reason)
  if (reason === 'poor_accuracy' && item.accuracy_m === null) return reasonWords(reason)
  return t(key, figuresOf(item))
}

function figuresOf(item: ReviewItem): Record<string, string> {
  const unknown = t('why.unknown_figure')
  const orUnknown = (figure: number | null, say: (figure: number) => string): string =>
    figure === null ? unknown : say(figure)
  const fixAge = item.fixed_at === null ? null : (Date.parse(item.captured_at) - Date.parse(item.fixed_at)) / 1000
  return {
    distance: orUnknown(item.distance_m, metres),
    radius: metres(item.checkpoint.radius_m),
    accuracy: orUnknown(item.accuracy_m, metres),
    age: orUnknown(fixAge, seconds),
    skew: seconds(item.clock_skew_s),
    direction: t(item.clock_skew_s > 0 ? 'why.fast' : 'why.slow'),
    delay: seconds((Date.parse(item.received_at) - Date.parse(item.captured_at)) / 1000),
    captured: clock(item.captured_at),
    tag: tagWords(item.tag_state),
  }
}

function weekdays(days: readonly Weekday[]): string {
  return days.map((one) => t(`weekday.${one}`)).join(t('list.and'))
}

function ruleWords(phrase: RulePhrase): string {
  switch (phrase.kind) {
    case 'daily':
      return phrase.interval === 1 ? t('rule.daily') : t('rule.every_n_days', { n: phrase.interval })
    case 'workdays':
      return t('rule.workdays')
    case 'weekly':
      return phrase.interval === 1
        ? t('rule.weekly', { days: weekdays(phrase.days) })
        : t('rule.every_n_weeks', { n: phrase.interval, days: weekdays(phrase.days) })
    case 'monthly':
      return t('rule.monthly', { days: phrase.days.join(t('list.and')) })
    case 'other':
      return t('rule.other', { rule: phrase.rule })
  }
}

/** every day 08:30–11:30, from 2026-11-01 */
export function scheduleWords(schedule: Pick<Schedule, 'recurrence' | 'starts_at_local' | 'window_minutes'>): string {
  const { phrase, until, count } = readRule(schedule.recurrence, schedule.starts_at_local)
  const end = windowEnd(schedule.starts_at_local, schedule.window_minutes)
  const parts = [
    t('rule.with_window', {
      rule: ruleWords(phrase),
      from: schedule.starts_at_local.slice(11, 16),
      to: (end.nextDay ? t('plan.next_day') : '') + end.time,
    }),
    t('rule.from', { day: schedule.starts_at_local.slice(0, 10) }),
  ]
  if (until !== null) parts.push(t('rule.until', { day: until }))
  if (count !== null) parts.push(t('rule.count', { n: count }))
  return parts.join(t('list.comma'))
}
